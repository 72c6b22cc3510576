"""What users send as images: whatever is readable becomes plain RGB, the rest is refused by its field."""

import io
import pickle
import zipfile

import pytest
from PIL import Image, PngImagePlugin

from reelmill_kit import images
from reelmill_kit.errors import ReelmillError
from tests.support.pictures import encoded, gradient, png_bomb


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("image.png", bytes(10_000_000))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("no readable", b""),
        ("no readable", b"a text, not an image"),
        ("no readable", b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'/>"),
        ("no readable", pickle.dumps(gradient().tobytes())),
        ("no readable", archive()),
        ("no readable", encoded(gradient(), "GIF")),
        ("no readable", encoded(gradient(), "TIFF")),
        ("no readable", encoded(gradient(), "JPEG")[:400]),
        ("too large", png_bomb(30_000)),
        ("10000 x 10000", png_bomb(10_000)),
        ("4097 x 32", encoded(gradient((4097, 32)))),
        ("at most 8388608", bytes(8 * 1024 * 1024 + 1)),
        ("at least 32", encoded(gradient((31, 400)))),
        ("at least 32", encoded(gradient((1, 1)))),
        ("one colour", encoded(Image.new("RGB", (64, 64), "teal"))),
        ("one colour", encoded(Image.new("RGB", (64, 64), "teal"), "JPEG")),
        ("one colour", encoded(Image.new("RGBA", (64, 64), (9, 9, 9, 0)))),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_nothing_can_be_learned_from_is_refused_by_its_field(why: str, data: bytes) -> None:
    with pytest.raises(ReelmillError, match=why) as refused:
        images.check(data, "references[3].content")
    assert refused.value.metadata["field"] == "references[3].content"
    assert refused.value.status.name == "INVALID_ARGUMENT"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [30_000, 5_000])
def test_a_file_that_unfolds_into_gigabytes_is_refused_before_it_is_unfolded(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(ReelmillError, match="at most 4096"):
        images.check(png_bomb(side), "references[0].content")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(32, 32), (4096, 40)])
def test_sizes_up_to_the_limits_are_taken(kind: str, size: tuple[int, int]) -> None:
    image = images.check(encoded(gradient(size), kind), "f")
    assert (image.mode, image.size) == ("RGB", size)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(mode: str) -> None:
    image = gradient(mode="RGBA")
    image.putpixel((0, 0), (200, 0, 0, 0))
    if mode == "P":
        image = image.convert("RGB").quantize(16)
        clear = image.getpixel((0, 0))
        plain = images.check(encoded(image, transparency=clear), "f")
    else:
        plain = images.check(encoded(image.convert(mode)), "f")
    assert plain.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK"])
def test_other_colour_spaces_are_converted(mode: str) -> None:
    image = gradient(mode=mode)
    plain = images.check(encoded(image, "JPEG" if mode == "CMYK" else "PNG"), "f")
    dark, bright = (plain.getpixel((32, y)) for y in (0, 47))
    assert isinstance(dark, tuple)
    assert isinstance(bright, tuple)
    assert sum(dark) < 60
    assert sum(bright) > 600


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    deep = gradient(mode="I").point(lambda level: level * 257.0)
    plain = images.check(encoded(deep.convert("I;16")), "f")
    assert plain.convert("L").tobytes() == gradient(mode="L").tobytes()


def test_a_photo_taken_sideways_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert images.check(encoded(gradient((64, 48)), "JPEG", exif=exif), "f").size == (48, 64)


def test_of_an_animation_the_first_picture_is_taken() -> None:
    pictures = [gradient(), gradient().rotate(180)]
    plain = images.check(
        encoded(pictures[0], "WEBP", save_all=True, append_images=pictures[1:], lossless=True), "f"
    )
    assert plain.tobytes() == pictures[0].tobytes()
