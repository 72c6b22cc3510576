"""The digest of a model directory, in this package's errors."""

from pathlib import Path

from reelmill_kit import weights

from .errors import ModelError

SETTINGS = weights.SETTINGS


def model_digest(directory: Path) -> str:
    """As reelmill_kit.weights.model_digest. Raises ModelError."""
    try:
        return weights.model_digest(directory)
    except weights.WeightsError as error:
        raise ModelError(str(error)) from error
