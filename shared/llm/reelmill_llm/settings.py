"""Where the language model is, and how hard it may be asked."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

OPENAI_URL = "https://api.openai.com/v1"


class LlmSettings(BaseSettings):
    """A model is used where `REELMILL_LLM_MODEL` names one; otherwise the offline writers write."""

    model_config = SettingsConfigDict(env_prefix="REELMILL_LLM_", extra="ignore")

    model: Annotated[str, Field(description="The model's name, as the server knows it; empty: none.")] = ""
    base_url: Annotated[
        str,
        Field(description="A server that speaks the OpenAI API, up to and with /v1; empty: OpenAI itself."),
    ] = ""
    api_key: SecretStr = SecretStr("")
    timeout: Annotated[float, Field(gt=0, le=3600, description="Seconds one answer may take.")] = 120.0
    attempts: Annotated[int, Field(ge=1, le=20, description="Times one question is asked in all.")] = 4
    concurrency: Annotated[int, Field(ge=1, le=256, description="Questions asked at a time.")] = 8
    max_rate: Annotated[float, Field(ge=0, description="Questions a minute, evenly spaced; 0: no limit.")] = (
        0.0
    )
    input_price: Annotated[
        float, Field(ge=0, le=1e6, description="Of a million input tokens, in a currency of yours; 0: free.")
    ] = 0.0
    output_price: Annotated[
        float, Field(ge=0, le=1e6, description="Of a million output tokens, in the same currency.")
    ] = 0.0
    max_wait: Annotated[
        float, Field(ge=0, description="Seconds to wait at most where the server says when to come back.")
    ] = 60.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.model and (self.base_url or self.api_key.get_secret_value()):
            raise ValueError("a language model's URL or key is set; REELMILL_LLM_MODEL has to name the model")
        if self.base_url and urlsplit(self.base_url).scheme not in ("http", "https"):
            raise ValueError("REELMILL_LLM_BASE_URL is not http(s)://host[:port]/path")
        return self

    @property
    def configured(self) -> bool:
        return bool(self.model)

    @property
    def server(self) -> str:
        """The base URL as it may be shown and logged: without credentials, query or fragment."""
        url = urlsplit(self.base_url or OPENAI_URL)
        port = f":{url.port}" if url.port else ""
        return f"{url.scheme}://{url.hostname or ''}{port}{url.path}"
