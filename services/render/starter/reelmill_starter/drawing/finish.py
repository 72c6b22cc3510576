"""What a style does to the finished picture. Textures are weak: latents have little room for them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from reelmill_starter.drawing.techniques import hollow, tiled, toned
from reelmill_world import StyleVector

Pixels = NDArray[np.floating[Any]]

_LUMA = np.array((0.3, 0.59, 0.11), np.float32)


def finish(pixels: Pixels, mask: Pixels, style: StyleVector, rng: np.random.Generator) -> Pixels:
    """`pixels` (H, W, 3) in 0..1 as `style` shows them; `mask` (H, W) in 0..1 is where the figures are."""
    size = pixels.shape[0]
    grid = np.linspace(-1, 1, size, dtype=np.float32)
    if style.hollow > 0:
        pixels = hollow(pixels, style.hollow, style.ink)
    if style.silhouette > 0:
        pixels = pixels * (1 - np.float32(0.94 * style.silhouette) * mask[..., None])
    if style.negative > 0:
        pixels = pixels + (1 - 2 * pixels) * np.float32(style.negative)
    pixels = _shade(pixels, mask, style.shading, grid)
    pixels = _edges(pixels, style.softness)
    pixels = _tone(pixels, style)
    if style.toned > 0:
        pixels = toned(pixels, style)
    if style.tiles > 0:
        pixels = tiled(pixels, style.tiles, style.ragged, style.grout)
    if style.texture > 0:
        coarse = rng.normal(0, 1, (size // 4, size // 4)).astype(np.float32)
        paper = np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))
        pixels = pixels * (1 + 0.05 * style.texture * paper[..., None])
    if style.vignette > 0:
        radius = grid[:, None] ** 2 + grid[None, :] ** 2
        pixels = pixels * (1 - 0.42 * style.vignette * radius[..., None])
    if style.grain > 0:
        noise = rng.normal(0, 1, (size, size, 1)).astype(np.float32)
        pixels = pixels + 0.035 * style.grain * noise
    return np.clip(pixels, 0, 1)


def _shade(pixels: Pixels, mask: Pixels, amount: float, grid: Pixels) -> Pixels:
    if amount <= 0:
        # Flat: fewer, larger steps of brightness.
        if amount < -0.3:
            steps = 9.0
            flat = np.round(pixels * steps) / steps
            flattened: Pixels = pixels + (flat - pixels) * np.float32(-amount)
            return flattened
        return pixels
    image = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(5))
    roundness = np.asarray(image, np.float32) / 255
    rim = np.where(mask > 0.5, roundness, 1.0).astype(np.float32)
    slope = 1 - 0.16 * amount * (grid[None, :] * 0.7 + grid[:, None])
    return pixels * slope[..., None] * (1 - amount * 0.5 * (1 - rim[..., None]))


def _edges(pixels: Pixels, softness: float) -> Pixels:
    if abs(softness) < 0.1:
        return pixels
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    if softness > 0:
        image = image.filter(ImageFilter.GaussianBlur(0.95 * softness))
    else:
        image = image.filter(ImageFilter.UnsharpMask(radius=1.2, percent=round(-90 * softness), threshold=0))
    return np.asarray(image, np.float32) / 255


def _tone(pixels: Pixels, style: StyleVector) -> Pixels:
    grey = (pixels @ _LUMA)[..., None]
    strength = 1 + style.saturation * (0.6 if style.saturation > 0 else 1.0)
    pixels = grey + (pixels - grey) * np.float32(strength)
    warm, tint = style.warmth, style.tint
    factors = (1 + 0.2 * warm + 0.2 * tint, 1 - 0.28 * tint + 0.02 * warm, 1 - 0.3 * warm + 0.18 * tint)
    pixels = pixels * np.array(factors, np.float32)
    pixels = (pixels - 0.5) * np.float32(1 + style.contrast * (0.6 if style.contrast > 0 else 0.45)) + 0.5
    pixels = np.clip(pixels, 0, 1)
    if style.light > 0:
        return pixels + (1 - pixels) * np.float32(0.38 * style.light)
    return pixels * np.float32(1 + 0.45 * style.light)
