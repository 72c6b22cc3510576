"""Draws with, and learns styles for, any diffusers directory of the Stable Diffusion 1.x or XL shape."""

import os

# Before PyTorch is imported: its threads otherwise spin while they wait for each other, and where another
# process wants one of the cores, drawing becomes many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .digest import model_digest
from .drawing import Drawing, Image, draw, resolve
from .embedding import TOKEN, EmbeddingCache, StyleEmbedding
from .errors import Cancelled, DiffusionError, InputError, ModelError
from .model import DiffusionModel, DrawingDefaults, use_threads

__all__ = [
    "TOKEN",
    "Cancelled",
    "DiffusionError",
    "DiffusionModel",
    "Drawing",
    "DrawingDefaults",
    "EmbeddingCache",
    "Image",
    "InputError",
    "ModelError",
    "StyleEmbedding",
    "draw",
    "model_digest",
    "resolve",
    "use_threads",
]
