"""Draws with, and learns styles for, any diffusers directory of the Stable Diffusion 1.x or XL shape."""

from .digest import model_digest
from .drawing import Drawing, Image, draw, resolve
from .embedding import TOKEN, EmbeddingCache, StyleEmbedding
from .errors import Cancelled, DiffusionError, InputError, ModelError
from .model import DiffusionModel, DrawingDefaults

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
]
