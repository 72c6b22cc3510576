"""Settings come from environment variables, `REELMILL_` and the field's name, and from nowhere else."""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import ReelmillError
from .names import ProjectName


class ServiceSettings(BaseSettings):
    """What every service reads; a service adds its own fields in a subclass."""

    model_config = SettingsConfigDict(env_prefix="REELMILL_", extra="ignore")

    grpc_address: Annotated[str, Field(description="Where the gRPC server listens, host:port.")] = (
        "127.0.0.1:0"
    )
    nats_url: Annotated[
        str, Field(description="NATS server with JetStream, nats://host:port; tls:// for TLS.")
    ] = "nats://127.0.0.1:4222"
    nats_nkey_file: Annotated[
        Path | None, Field(description="The seed of the nkey that this process is known by at NATS.")
    ] = None
    nats_creds_file: Annotated[
        Path | None, Field(description="Instead: credentials of a NATS that knows its users by JWT.")
    ] = None
    nats_followers: Annotated[
        list[str],
        Field(description="Projects whose events are read from outside; movies makes consumers."),
    ] = []
    s3_endpoint: Annotated[str, Field(description="S3 server, http(s)://host:port.")] = (
        "http://127.0.0.1:9000"
    )
    s3_bucket: str = "reelmill"
    s3_region: str = "us-east-1"
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    tls_ca: Annotated[
        Path | None,
        Field(description="Certificates (PEM) of those who vouch for NATS and S3, beside the system's."),
    ] = None
    help_url: Annotated[
        str, Field(description="Where docs/errors.md of this installation can be read; errors link to it.")
    ] = ""
    log_level: str = "INFO"
    job_concurrency: Annotated[int, Field(ge=1, le=256, description="Jobs worked on at a time.")] = 4
    job_ack_wait: Annotated[
        float,
        Field(gt=1, description="Seconds without a sign of life after which a job is given to another."),
    ] = 20.0
    shutdown_grace: Annotated[
        float, Field(ge=0, description="Seconds that running work gets at the end.")
    ] = 10.0

    @property
    def nats_shown(self) -> str:
        """`nats_url` without what it may hold of names and passwords."""
        return re.sub(r"//[^@/,]*@", "//", self.nats_url)

    @field_validator("nats_followers")
    @classmethod
    def _are_projects(cls, values: list[str]) -> list[str]:
        for value in values:
            try:
                ProjectName.parse(f"projects/{value}", "project")
            except ReelmillError as error:
                raise ValueError(f"REELMILL_NATS_FOLLOWERS: {error.message}") from None
        return values

    @model_validator(mode="after")
    def _has_one_identity(self) -> Self:
        if self.nats_nkey_file and self.nats_creds_file:
            raise ValueError("REELMILL_NATS_NKEY_FILE and REELMILL_NATS_CREDS_FILE exclude each other")
        return self

    @field_validator("s3_endpoint")
    @classmethod
    def _is_url(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in ("http", "https") or not url.netloc:
            raise ValueError(f"REELMILL_S3_ENDPOINT {value!r} is not http(s)://host:port")
        return value
