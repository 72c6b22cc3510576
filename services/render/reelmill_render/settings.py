"""What the render service reads from its environment."""

from typing import Annotated, Literal

from pydantic import Field

from reelmill_kit.settings import ServiceSettings
from reelmill_kit.validation import REDRAWS_LIMIT

from .gate import Limits, Policy


class RenderSettings(ServiceSettings):
    triton_url: Annotated[
        str, Field(description="Triton's gRPC address, host:port; https://host:port for TLS.")
    ] = "127.0.0.1:8001"
    triton_model: str = "diffusion"
    frame_timeout: Annotated[
        float, Field(gt=0, description="Seconds for one frame, waiting for its turn in Triton included.")
    ] = 300.0
    triton_judge: Annotated[str, Field(description="The model at Triton that judges frames.")] = "judge"
    gate: Annotated[
        Literal["on", "off"], Field(description="Whether frames are judged where a request does not say.")
    ] = "on"
    gate_max_redraws: Annotated[
        int, Field(ge=0, le=REDRAWS_LIMIT, description="How often a frame that fails is drawn again.")
    ] = 2
    gate_style_rank: Annotated[
        int, Field(ge=1, description="The last place among all styles with which a frame passes.")
    ] = 1
    gate_text_rank: Annotated[int, Field(ge=1, description="The same among texts.")] = 5
    # A few of Triton's batches: fewer and it would wait for work between two of them.
    job_concurrency: Annotated[int, Field(ge=1, le=256, description="Frames asked for at a time.")] = 16

    def policy(self) -> Policy:
        limits = Limits(self.gate_max_redraws, self.gate_style_rank, self.gate_text_rank)
        return Policy(self.gate == "on", limits)
