"""Images that users give: what is accepted, and how any of them becomes plain RGB."""

import io

from PIL import Image, ImageOps

from .errors import invalid

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST_BYTES = 8 * 1024 * 1024
LARGEST_SIDE = 4096
SMALLEST_SIDE = 32
_ONE_COLOUR = 4  # levels of 255 that a flat area may vary by, after a lossy format


def check(data: bytes, field: str) -> Image.Image:
    """The decoded image as RGB, upright; what is transparent lies on white.

    Other colour spaces (grey, palette, CMYK, 16 bits) are converted; of an animation it is the first picture.
    Raises INVALID_FIELD naming `field` if it cannot be read, has more than 8 MiB or 4096 pixels a side, fewer
    than 32 pixels a side, or one colour only, which says nothing about a style.
    """
    if len(data) > LARGEST_BYTES:
        raise invalid(field, f"is {len(data)} bytes large; at most {LARGEST_BYTES} are allowed")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            # The size stands in the header: a small file that unfolds into gigabytes is refused unread.
            size = f"{image.width} x {image.height}"
            if max(image.size) > LARGEST_SIDE:
                raise invalid(field, f"is {size}; at most {LARGEST_SIDE} a side are allowed")
            if min(image.size) < SMALLEST_SIDE:
                raise invalid(field, f"is {size}; at least {SMALLEST_SIDE} a side are needed")
            plain = _plain(image)
    except Image.DecompressionBombError as error:  # Pillow's own look at the header comes before ours
        raise invalid(field, f"is too large; at most {LARGEST_SIDE} a side are allowed") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise invalid(field, f"is no readable {', '.join(FORMATS)} image ({str(error)[:120]})") from error
    if all(highest - lowest <= _ONE_COLOUR for lowest, highest in _ranges(plain)):
        raise invalid(field, "is of one colour; give a picture that something is drawn on")
    return plain


def _plain(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255
        image = image.convert("I").point(lambda level: level * (1 / 257)).convert("L")
    if image.has_transparency_data:
        # On white, as paper and browsers show it; the colour under transparent pixels is often garbage.
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _ranges(image: Image.Image) -> list[tuple[int, int]]:
    """Lowest and highest level of each channel."""
    return [channel.getextrema() for channel in image.split()]  # type: ignore[misc]
