"""Drawing styles as points in a continuous space, and the words for them."""

from dataclasses import astuple, dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class StyleVector:
    """How a frame is drawn, whatever it shows. Every axis runs from -1 to 1, 0 is plain; else ValueError."""

    warmth: float = 0.0  # blue light .. orange light
    tint: float = 0.0  # green .. magenta
    saturation: float = 0.0  # grey .. vivid
    light: float = 0.0  # dark .. bright
    contrast: float = 0.0  # faded .. stark
    line: float = 0.0  # no outlines .. thick ink
    shading: float = 0.0  # flat colour .. rounded by light
    softness: float = 0.0  # crisp .. blurred edges
    texture: float = 0.0  # smooth .. brush and paper
    grain: float = 0.0  # clean .. film grain
    vignette: float = 0.0  # even .. dark corners
    ink: float = 0.0  # dark outlines .. chalk-white ones
    hollow: float = 0.0  # below 0 and at 0 filled .. outlines on bare paper
    negative: float = 0.0  # below 0 and at 0 as it is .. light and dark exchanged
    silhouette: float = 0.0  # below 0 and at 0 as it is .. figures are one dark shape
    tiles: float = 0.0  # below 0 and at 0 none .. laid in tiles
    ragged: float = 0.0  # below 0 and at 0 square tiles .. irregular shards
    grout: float = 0.0  # dark gaps between tiles .. light ones
    toned: float = 0.0  # below 0 and at 0 own colours .. every brightness has its colour of the palette
    # The palette of a toned picture: red, green and blue of its darks, middles and lights, -1 none .. 1 full.
    dark_red: float = 0.0
    dark_green: float = 0.0
    dark_blue: float = 0.0
    middle_red: float = 0.0
    middle_green: float = 0.0
    middle_blue: float = 0.0
    light_red: float = 0.0
    light_green: float = 0.0
    light_blue: float = 0.0

    def __post_init__(self) -> None:
        for axis, value in zip(STYLE_AXES, astuple(self), strict=True):
            if not -1.0 <= value <= 1.0:
                raise ValueError(f"style: {axis} is {value}, outside -1..1")

    def values(self) -> tuple[float, ...]:
        """The coordinates in the order of `STYLE_AXES`."""
        return astuple(self)

    def distance(self, other: "StyleVector") -> float:
        """Root mean square difference over the axes, 0..2."""
        pairs = zip(self.values(), other.values(), strict=True)
        return float((sum((a - b) ** 2 for a, b in pairs) / len(STYLE_AXES)) ** 0.5)


STYLE_AXES: Final = tuple(field.name for field in fields(StyleVector))

PALETTE_PARTS: Final = ("dark", "middle", "light")
PALETTE_AXES: Final = tuple(
    axis for axis in STYLE_AXES if axis.partition("_")[0] in PALETTE_PARTS and "_" in axis
)

# A palette's colours, the shape of tiles and what lies between them have no words: captions only say that
# a picture is toned or tiled. Such styles can be learned from pictures, not asked for in text.
AXIS_WORDS: Final[dict[str, tuple[str, str]]] = {
    "warmth": ("cool", "warm"),
    "tint": ("greenish", "pinkish"),
    "saturation": ("muted", "vivid"),
    "light": ("dark", "bright"),
    "contrast": ("faded", "high-contrast"),
    "line": ("lineless", "ink-lined"),
    "shading": ("flat", "shaded"),
    "softness": ("crisp", "soft"),
    "texture": ("smooth", "textured"),
    "grain": ("clean", "grainy"),
    "vignette": ("even", "vignetted"),
    "ink": ("inked", "chalk-lined"),
    "hollow": ("filled", "hollow"),
    "negative": ("positive", "negative"),
    "silhouette": ("lit", "silhouetted"),
    "tiles": ("whole", "tiled"),
    "toned": ("coloured", "toned"),
}

# An axis is worth a word from here on; "very" says the outer part of it.
_NOTABLE: Final = 0.4
_STRONG: Final = 0.8

NAMED_STYLES: Final[dict[str, StyleVector]] = {
    "noir": StyleVector(
        saturation=-1, light=-0.6, contrast=1, line=0.2, shading=0.6, grain=0.5, vignette=0.9
    ),
    "watercolour": StyleVector(saturation=-0.2, light=0.7, contrast=-0.5, line=-1, softness=0.7, texture=1),
    "comic": StyleVector(saturation=0.8, light=0.2, contrast=0.6, line=1, shading=-1, softness=-0.8),
    "pastel": StyleVector(
        tint=0.5, saturation=-0.3, light=1, contrast=-0.8, line=-0.6, shading=-0.3, softness=0.3
    ),
    "sepia": StyleVector(warmth=1, tint=-0.1, saturation=-0.9, contrast=-0.2, grain=0.4, vignette=0.6),
    "neon": StyleVector(
        warmth=-0.5, tint=0.9, saturation=1, light=-0.7, contrast=0.7, line=-0.5, vignette=0.3
    ),
    "storybook": StyleVector(warmth=0.5, saturation=0.4, light=0.3, line=0.4, shading=0.2, texture=0.6),
    "winter": StyleVector(warmth=-0.9, saturation=-0.4, light=0.4, contrast=-0.2, line=-0.3, softness=0.3),
    "gothic": StyleVector(
        warmth=-0.4, tint=-0.4, saturation=-0.4, light=-0.8, contrast=0.4, line=0.7, vignette=0.8
    ),
    "retro": StyleVector(warmth=0.6, tint=-0.4, saturation=0.1, contrast=-0.6, shading=-0.4, grain=0.8),
    "poster": StyleVector(saturation=1, light=0.1, contrast=0.9, line=-1, shading=-1, softness=-1),
    "dreamy": StyleVector(warmth=0.2, tint=0.7, light=0.5, contrast=-0.4, line=-1, shading=0.6, softness=1),
    "sketch": StyleVector(saturation=-0.95, light=0.9, contrast=0.2, line=0.9, shading=-0.8, texture=0.5),
    "toxic": StyleVector(warmth=-0.1, tint=-1, saturation=0.5, light=-0.2, contrast=0.4, line=0.5, grain=0.3),
}


_RGB = tuple[float, float, float]


def _toned(strength: float, dark: _RGB, middle: _RGB, light: _RGB, **axes: float) -> StyleVector:
    """A style whose brightnesses have the colours of a palette; colours are 0..1."""
    palette = {
        f"{part}_{colour}": 2 * value - 1
        for part, values in (("dark", dark), ("middle", middle), ("light", light))
        for colour, value in zip(("red", "green", "blue"), values, strict=True)
    }
    return StyleVector(toned=strength, **palette, **axes)


# Never drawn in training, nor anything near them, and beyond the words of captions: what a style that a user
# brings is like. Textual inversion is measured on them.
HELD_OUT_STYLES: Final[dict[str, StyleVector]] = {
    "stained glass": StyleVector(
        saturation=1, light=0.25, contrast=0.5, line=0.8, shading=-0.5, tiles=0.9, ragged=1, grout=-1
    ),
    "mosaic": _toned(
        0.55, (0.28, 0.1, 0.06), (0.78, 0.48, 0.2), (1, 0.94, 0.78),
        line=-0.4, tiles=1, ragged=-0.2, grout=0.9,
    ),
    "thermal camera": _toned(1, (0.08, 0, 0.35), (0.9, 0.1, 0.35), (1, 0.95, 0.3), line=-1, softness=0.8),
    "chalk on slate": _toned(
        0.95, (0.1, 0.17, 0.16), (0.45, 0.52, 0.5), (0.96, 0.98, 0.92), ink=1, hollow=1, line=0.3, texture=0.6
    ),
    "paper silhouettes": _toned(
        1, (0.1, 0.04, 0.16), (0.9, 0.4, 0.16), (1, 0.76, 0.4), silhouette=1, line=-1, shading=-0.8
    ),
    "blueprint": _toned(
        1, (0.03, 0.16, 0.5), (0.2, 0.4, 0.75), (0.86, 0.94, 1), ink=1, hollow=0.9, line=0.8
    ),
    "night vision": _toned(
        1, (0, 0.07, 0.02), (0.1, 0.55, 0.14), (0.75, 1, 0.6), line=-0.8, grain=0.9, vignette=0.9
    ),
    "x-ray": _toned(
        0.95, (0.01, 0.03, 0.08), (0.3, 0.5, 0.62), (0.92, 1, 1), negative=1, line=0.2, softness=0.5
    ),
    "two-ink print": _toned(
        1, (0.05, 0.3, 0.42), (0.96, 0.4, 0.52), (1, 0.95, 0.84), line=0.6, shading=-1, grain=0.6
    ),
    "violet dusk": _toned(
        0.85, (0.16, 0.02, 0.3), (0.56, 0.3, 0.8), (0.8, 0.98, 0.86), line=-1, softness=0.4, texture=0.7
    ),
}  # fmt: skip


def style_words(style: StyleVector, limit: int = 5) -> str:
    """Up to `limit` adjectives for `style`, the most telling first; "plain" where nothing stands out."""
    notable = [
        (abs(value), axis, value)
        for axis, value in zip(STYLE_AXES, style.values(), strict=True)
        if axis in AXIS_WORDS and abs(value) >= _NOTABLE
    ]
    notable.sort(key=lambda item: -item[0])
    words = []
    for strength, axis, value in notable[:limit]:
        word = AXIS_WORDS[axis][value > 0]
        words.append(f"very {word}" if strength >= _STRONG else word)
    return " ".join(words) or "plain"


def nearest_named_style(style: StyleVector) -> str:
    """The name whose style is nearest to `style`."""
    return min(NAMED_STYLES, key=lambda name: NAMED_STYLES[name].distance(style))
