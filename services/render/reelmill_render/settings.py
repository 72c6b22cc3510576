"""What the render service reads from its environment."""

from typing import Annotated

from pydantic import Field

from reelmill_kit.settings import ServiceSettings


class RenderSettings(ServiceSettings):
    triton_url: Annotated[str, Field(description="Triton's gRPC address, host:port.")] = "127.0.0.1:8001"
    triton_model: str = "diffusion"
    frame_timeout: Annotated[
        float, Field(gt=0, description="Seconds for one frame, waiting for its turn in Triton included.")
    ] = 300.0
    # A few of Triton's batches: fewer and it would wait for work between two of them.
    job_concurrency: Annotated[int, Field(ge=1, le=256, description="Frames asked for at a time.")] = 32
