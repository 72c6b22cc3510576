"""Commands that need the package reelmill-kit, which the client does without."""

from collections.abc import Iterator
from contextlib import contextmanager

from .output import USAGE, CommandError


@contextmanager
def from_kit() -> Iterator[None]:
    """What the kit refuses, a file that cannot be used, and the missing kit itself: each becomes one line."""
    try:
        from reelmill_kit.errors import ReelmillError
    except ImportError as error:
        raise CommandError(
            "NOT_INSTALLED",
            f"this needs the package reelmill-kit ({error}); in a clone of the repository run `make setup`",
        ) from error
    try:
        yield
    except ReelmillError as error:
        raise CommandError(error.reason.value, error.message, USAGE) from error
    except OSError as error:
        raise CommandError("BAD_FILE", f"{error.filename}: {error.strerror}", USAGE) from error
