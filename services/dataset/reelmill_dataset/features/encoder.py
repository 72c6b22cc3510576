"""The plug-in: `package.module:factory`, code of the user's own."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from reelmill_kit.errors import invalid

Encode = Callable[[Sequence[Image.Image]], Any]
"""From n pictures (RGB) to an array `[n, tokens, width]` of floats, in their order."""
Shape = tuple[int, int]
"""Tokens of a picture, and numbers of a token."""


def parse_shape(text: str) -> Shape:
    """From "257x1408". Raises INVALID_FIELD."""
    parts = text.split("x")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise invalid("shape", f"{text!r} is not tokens x width, for example 257x1408")
    return int(parts[0]), int(parts[1])


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


def encoded(encode: Encode, pictures: Sequence[Image.Image], shape: Shape) -> np.ndarray:
    """`[n, *shape]` in float16. Raises INVALID_FIELD where the encoder returns anything else."""
    features = np.asarray(encode(pictures))
    wanted = (len(pictures), *shape)
    if not np.issubdtype(features.dtype, np.floating) or features.shape != wanted:
        raise invalid(
            "encoder",
            f"returned {features.dtype} of shape {list(features.shape)} for {len(pictures)} pictures; floats "
            f"of shape {list(wanted)} are needed (--shape says how many tokens, and how wide)",
        )
    with np.errstate(over="ignore"):
        half = features.astype("<f2")
    if not np.isfinite(half).all():
        raise invalid("encoder", "returned numbers that are not finite, or too large for 16 bits")
    return half
