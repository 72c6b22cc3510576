"""How callers are known, from the environment."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

# No HMAC: a public key would be the secret. No "none".
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class AuthSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="REELMILL_", extra="ignore")

    auth: Annotated[Literal["on", "off"], Field(description="off: everybody may do everything.")] = "on"
    auth_keys: Annotated[
        Path | None, Field(description="The public keys that callers' tokens are signed with, a JWKS file.")
    ] = None
    auth_jwks_url: Annotated[str, Field(description="The same at an address: the issuer's jwks_uri.")] = ""
    auth_issuer: Annotated[str, Field(description="What tokens must name as their issuer (iss).")] = ""
    auth_audience: Annotated[str, Field(min_length=1, description="What tokens must be for (aud).")] = (
        "reelmill"
    )
    auth_algorithms: Annotated[
        list[Algorithm], Field(min_length=1, description="What tokens may be signed with, as JSON.")
    ] = ["RS256", "ES256", "EdDSA"]
    auth_leeway: Annotated[float, Field(ge=0, le=300, description="Seconds that clocks may differ.")] = 30.0
    auth_projects_claim: Annotated[str, Field(description="The claim with the caller's projects.")] = (
        "reelmill_projects"
    )
    auth_role_claim: Annotated[str, Field(description="The claim with the caller's role.")] = "reelmill_role"

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.auth == "on" and (bool(self.auth_keys) == bool(self.auth_jwks_url) or not self.auth_issuer):
            raise ValueError(
                "callers' tokens are checked: set REELMILL_AUTH_ISSUER, and either REELMILL_AUTH_KEYS (a "
                "JWKS file) or REELMILL_AUTH_JWKS_URL; REELMILL_AUTH=off lets everybody do everything"
            )
        return self
