"""What can go wrong, by who can mend it."""


class DiffusionError(Exception):
    """Base of this package's errors."""


class ModelError(DiffusionError):
    """The model directory cannot be used; the message says what it lacks."""


class InputError(DiffusionError):
    """What was asked for cannot be drawn. `field` is the name of the input that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Cancelled(DiffusionError):
    """The caller's `cancelled` said stop."""
