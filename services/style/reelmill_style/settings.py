"""What the style service reads from its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from reelmill_kit.settings import ServiceSettings


class StyleSettings(ServiceSettings):
    # A style has the whole device to itself.
    job_concurrency: Annotated[int, Field(ge=1, le=256, description="Jobs taken at a time.")] = 1
    diffusion_model: Annotated[
        Path, Field(description="A directory in diffusers format, the one that Triton draws with.")
    ] = Path("model")
    diffusion_device: Annotated[str, Field(description="auto, cpu, cuda, cuda:1 ...")] = "auto"
    diffusion_dtype: Annotated[
        str, Field(description="auto (float32 on a CPU, else bfloat16), float32, float16 or bfloat16.")
    ] = "auto"
    torch_threads: Annotated[int, Field(ge=0, description="CPU threads; 0: PyTorch's choice.")] = 0
    style_steps: Annotated[
        int, Field(ge=1, le=5000, description="Updates where a request does not say; SDXL wants about 500.")
    ] = 80
    style_vectors: Annotated[int, Field(ge=1, le=16, description="Vectors where a request does not say.")] = 4
    style_batch_size: Annotated[
        int, Field(ge=1, le=16, description="References in one update: less needs less memory.")
    ] = 4
    style_references: Annotated[
        int, Field(ge=1, le=64, description="References drawn where a request does not say.")
    ] = 10
    character_portraits: Annotated[
        int, Field(ge=1, le=64, description="Portraits that a character's token is learned from.")
    ] = 10
    character_steps: Annotated[int, Field(ge=1, le=5000, description="Updates for a character.")] = 60
