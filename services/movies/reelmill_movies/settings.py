"""Settings of the front door."""

from typing import Annotated

from pydantic import Field

from reelmill_kit.settings import ServiceSettings


class MoviesSettings(ServiceSettings):
    frame_window: Annotated[
        int, Field(ge=1, le=4096, description="Frames of a movie that may wait for a renderer at a time.")
    ] = 64
    model_name: Annotated[str, Field(description="What requests call the diffusion model.")] = "starter"
    reconcile_interval: Annotated[
        float, Field(gt=0, description="Seconds between looks for movies that nothing moves any more.")
    ] = 15.0
