"""How a process shows NATS who it is: by an nkey's seed or by credentials, each in a file."""

from pathlib import Path

from .errors import Reason, ReelmillError
from .rights.seeds import public_key
from .settings import ServiceSettings


def identity(settings: ServiceSettings) -> dict[str, str]:
    """Options for the NATS client; none where the URL says it, or nobody asks.

    Raises INVALID_FIELD, which names the setting and the file and shows nothing of what is in it.
    """
    if file := settings.nats_nkey_file:
        try:
            public_key(_content(file, "REELMILL_NATS_NKEY_FILE"))
        except ReelmillError as error:
            raise _wrong("REELMILL_NATS_NKEY_FILE", file, error.message) from None
        return {"nkeys_seed": str(file)}
    if file := settings.nats_creds_file:
        if "BEGIN USER NKEY SEED" not in _content(file, "REELMILL_NATS_CREDS_FILE"):
            raise _wrong("REELMILL_NATS_CREDS_FILE", file, "holds no credentials of a NATS user")
        return {"user_credentials": str(file)}
    return {}


def _content(file: Path, setting: str) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError as error:
        raise _wrong(setting, file, f"cannot be read: {error.strerror}") from None


def _wrong(setting: str, file: Path, what: str) -> ReelmillError:
    return ReelmillError(Reason.INVALID_FIELD, f"{setting}: {file} {what}", field=setting)
