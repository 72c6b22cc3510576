"""Images that users give: what is accepted, and the check that they can be read."""

import io

from PIL import Image

from .errors import invalid

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST_BYTES = 8 * 1024 * 1024
LARGEST_SIDE = 4096


def check(data: bytes, field: str) -> Image.Image:
    """The decoded image as RGB. Raises INVALID_FIELD naming `field` if it is too large or cannot be read."""
    if len(data) > LARGEST_BYTES:
        raise invalid(field, f"is {len(data)} bytes large; at most {LARGEST_BYTES} are allowed")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            # The size stands in the header: a small file that unfolds into gigabytes is refused unread.
            if max(image.size) > LARGEST_SIDE:
                raise invalid(
                    field, f"is {image.width} x {image.height}; at most {LARGEST_SIDE} a side are allowed"
                )
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise invalid(field, f"is no readable {', '.join(FORMATS)} image ({str(error)[:120]})") from error
