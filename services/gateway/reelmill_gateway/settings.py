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
    http_connections: Annotated[
        int, Field(ge=1, le=65536, description="At a time; more are answered with 503.")
    ] = 256
    callbacks: Annotated[
        dict[str, str],
        Field(
            description="Where the ends of movies are told that name no address, by project, as JSON; * for "
            'all other projects: {"acme": "https://hooks.example/reelmill"}.'
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it
    callback_patience: Annotated[
        float, Field(gt=0, le=6 * 86400, description="Seconds for which a callback is sent again.")
    ] = 86400.0
    http_origins: Annotated[
        list[str],
        Field(description='Web pages that may call, as JSON: ["https://studio.example"]; none by default.'),
    ] = []  # noqa: RUF012 - pydantic copies it
    movies_server: Annotated[
        str, Field(description="The movies service, host:port; empty: its calls are not served by HTTP.")
    ] = ""
    script_server: str = ""
    style_server: str = ""
    render_server: str = ""
    qa_server: str = ""
    dataset_server: str = ""

    @property
    def servers(self) -> dict[str, str]:
        """Addresses by process, of those that have one."""
        names = ("movies", "script", "style", "render", "qa", "dataset")
        return {name: address for name in names if (address := getattr(self, f"{name}_server"))}
