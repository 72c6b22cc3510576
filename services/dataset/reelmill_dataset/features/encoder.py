"""The plug-in: `package.module:factory`, code of the user's own."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from reelmill_kit.errors import invalid

Encode = Callable[[Sequence[Image.Image]], Any]
"""From n pictures (RGB) to an array `[n, tokens, width]` of floats, in their order."""


def load_encoder(spec: str) -> Encode:
    """What the factory, called without arguments, returns. Raises INVALID_FIELD that says what is missing."""
    module, _, name = spec.partition(":")
    if not module or not name:
        raise invalid("encoder", f"{spec!r} is not package.module:factory")
    try:
        factory = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise invalid("encoder", f"{module!r} cannot be imported: {error}; is it on PYTHONPATH?") from error
    except AttributeError as error:
        raise invalid("encoder", f"{module!r} has no {name!r}") from error
    encode = factory() if callable(factory) else None
    if not callable(encode):
        raise invalid("encoder", f"{spec!r} is no function that returns an encoder, itself a function")
    return encode  # type: ignore[no-any-return]


def encoded(encode: Encode, pictures: Sequence[Image.Image]) -> np.ndarray:
    """`[n, tokens, width]` in float16. Raises INVALID_FIELD where the encoder returns anything else."""
    features = np.asarray(encode(pictures))
    floats = np.issubdtype(features.dtype, np.floating)
    if not floats or features.ndim != 3 or len(features) != len(pictures):
        raise invalid(
            "encoder",
            f"returned {features.dtype} of shape {list(features.shape)} for {len(pictures)} pictures; "
            f"floats of shape [{len(pictures)}, tokens, width] are needed",
        )
    with np.errstate(over="ignore"):
        half = features.astype(np.float16)
    if not np.isfinite(half).all():
        raise invalid("encoder", "returned numbers that are not finite, or too large for 16 bits")
    return half
