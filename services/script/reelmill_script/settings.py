"""Settings of the script service."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from reelmill_kit.settings import ServiceSettings


class ScriptSettings(ServiceSettings):
    diffusion_model: Annotated[
        Path | None,
        Field(
            description="The diffusers directory that draws. Prompts are kept within what its tokenizers and "
            "text encoders read; only those folders are needed. None: within a bound of CLIP's 77 tokens."
        ),
    ] = None
    script_near_duplicates: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="The share of a scene's frames that may nearly repeat another frame of the movie; a "
            "language model that answers with more of them is asked again.",
        ),
    ] = 0.1
