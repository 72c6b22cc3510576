"""Which certificates, from the environment."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class TlsSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="REELMILL_", extra="ignore")

    tls: Annotated[Literal["on", "off"], Field(description="off: calls are in plain text.")] = "on"
    tls_cert: Annotated[
        Path | None, Field(description="This service's certificate and what follows it in the chain, PEM.")
    ] = None
    tls_key: Annotated[Path | None, Field(description="Its private key, PEM.")] = None
    tls_ca: Annotated[
        Path | None,
        Field(description="Certificates of those who vouch for other services, and for callers; PEM."),
    ] = None
    tls_clients: Annotated[
        Literal["any", "certified"],
        Field(description="certified: callers need a certificate that REELMILL_TLS_CA vouches for."),
    ] = "any"

    @model_validator(mode="after")
    def _has_files(self) -> Self:
        if self.tls == "on" and not (self.tls_cert and self.tls_key):
            raise ValueError(
                "calls are by TLS: set REELMILL_TLS_CERT and REELMILL_TLS_KEY (`reelmill tls` makes some for "
                "an evaluation); or REELMILL_TLS=off for plain text"
            )
        if self.tls == "on" and self.tls_clients == "certified" and not self.tls_ca:
            raise ValueError("REELMILL_TLS_CLIENTS=certified needs REELMILL_TLS_CA")
        return self
