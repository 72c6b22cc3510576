"""Settings of the gateway."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from reelmill_kit.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    http_address: Annotated[
        str, Field(pattern=r"^.+:\d{1,5}$", description="Where the HTTP server listens, host:port.")
    ] = "127.0.0.1:8080"
    webhook_secrets: Annotated[
        Path | None,
        Field(
            description="A folder with a file for each project, named by its id, with the secrets of its "
            "webhooks: whsec_.. on each line, all of them valid, the first of them ours."
        ),
    ] = None
