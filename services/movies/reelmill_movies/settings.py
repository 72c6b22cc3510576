"""Settings of the front door."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from reelmill_kit.settings import ServiceSettings

from .quotas import Limits


class MoviesSettings(ServiceSettings):
    frame_window: Annotated[
        int,
        Field(
            ge=1,
            le=4096,
            description="Frames of all movies that may wait for a renderer at a time, at least; as many as "
            "renderers have in hand where that is more.",
        ),
    ] = 16
    project_weights: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict,
        description='Parts of projects where many wait, as JSON: {"research": 3}; 1 for all others.',
    )
    project_limits: dict[str, Limits] = Field(
        default_factory=dict,
        description="What projects may use, as JSON; * is for all that have no limits of their own: "
        '{"*": {"movies": 20, "frames_a_day": 20000, "cost_a_month": 50}, "research": {}}.',
    )
    script_server: Annotated[
        str,
        Field(
            description="The script service, host:port, for themes and forecasts; empty: batches bring their "
            "themes."
        ),
    ] = ""
    qa_server: Annotated[str, Field(description="The QA service, host:port, for forecasts.")] = ""
    service_token_file: Annotated[
        Path | None, Field(description="The token with which these are called, read at every call.")
    ] = None
    model_name: Annotated[str, Field(description="What requests call the diffusion model.")] = "starter"
    reconcile_interval: Annotated[
        float, Field(gt=0, description="Seconds between looks for movies that nothing moves any more.")
    ] = 15.0
