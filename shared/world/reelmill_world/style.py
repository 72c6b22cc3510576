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


def style_words(style: StyleVector, limit: int = 5) -> str:
    """Up to `limit` adjectives for `style`, the most telling first; "plain" where nothing stands out."""
    notable = [
        (abs(value), axis, value)
        for axis, value in zip(STYLE_AXES, style.values(), strict=True)
        if abs(value) >= _NOTABLE
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
