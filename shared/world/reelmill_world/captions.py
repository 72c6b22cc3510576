"""Short English for a scene: one canonical sentence for prompts, varied ones for training."""

import random

from reelmill_world.scene import Appearance, Figure, SceneDescription
from reelmill_world.vocabulary import PRESENT_PARTICIPLES, with_article

_WEATHER = {
    "clear": ("clear weather", "clear sky", "fine weather"),
    "rain": ("rain", "rainy weather", "in the rain"),
    "snow": ("snow", "snowy weather", "falling snow"),
    "fog": ("fog", "foggy weather", "in thick fog"),
}
_TIME = {
    "morning": ("morning", "in the morning", "early morning"),
    "day": ("day", "by day", "at noon"),
    "evening": ("evening", "in the evening", "at sunset"),
    "night": ("night", "at night", "late at night"),
}
_SHOT = {
    "wide": ("wide shot", "wide view", "long shot"),
    "medium": ("medium shot", "medium view", "shot"),
    "close": ("close shot", "close-up", "close view"),
}


def caption(scene: SceneDescription, style_words: str | None = None, rng: random.Random | None = None) -> str:
    """English for `scene`, drawn in `style_words` if given: "noir", "warm grainy", or a token "<style>".

    Without `rng` the canonical form: "<shot> shot of <figures>, in the <place>, <time>, <weather>[, with a
    <object>][, in <style_words> style]". With `rng` the wording, order and length vary, as training wants;
    what is left out differs each time, so short prompts work too.
    """
    if rng is None:
        return _canonical(scene, style_words)
    return _varied(scene, style_words, rng)


def appearance_phrase(appearance: Appearance) -> str:
    """A noun phrase without mood: "a slim woman with red hair in a green coat"."""
    return _person(appearance, mood="calm", hair=True, build=True)


def figure_phrase(figure: Figure) -> str:
    """A figure with what it does: "a sad boy with brown hair in a blue shirt holding a book"."""
    return f"{_person(figure.appearance, figure.mood, hair=True, build=True)} {_doing(figure)}"


def _person(appearance: Appearance, mood: str, *, hair: bool, build: bool) -> str:
    words = [mood] if mood != "calm" else []
    if build and appearance.build != "average":
        words.append(appearance.build)
    words.append(appearance.kind)
    phrase = with_article(" ".join(words))
    if hair:
        phrase += f" with {appearance.hair} hair"
    return f"{phrase} in {with_article(f'{appearance.colour} {appearance.garment}')}"


def _doing(figure: Figure) -> str:
    participle = PRESENT_PARTICIPLES[figure.verb]
    return f"{participle} {with_article(figure.held)}" if figure.held else participle


def _canonical(scene: SceneDescription, style_words: str | None) -> str:
    parts = [
        f"{scene.shot} shot of {_figures(scene)}"
        if scene.figures
        else f"{scene.shot} shot of the {scene.place}"
    ]
    if scene.figures:
        parts.append(f"in the {scene.place}")
    parts += [scene.time, _WEATHER[scene.weather][0]]
    parts += [f"with {with_article(name)}" for name in scene.objects]
    if style_words:
        parts.append(f"in {style_words} style")
    return ", ".join(parts)


def _figures(scene: SceneDescription) -> str:
    if len(scene.figures) == 1:
        figure = scene.figures[0]
        place = "" if figure.side == "centre" else f" on the {figure.side}"
        return figure_phrase(figure) + place
    left, right = scene.figures
    if left.verb == "hug":
        person = _person(right.appearance, right.mood, hair=True, build=True)
        return f"{figure_phrase(left)} {person}"
    return f"{figure_phrase(left)} on the left and {figure_phrase(right)} on the right"


def _varied(scene: SceneDescription, style_words: str | None, rng: random.Random) -> str:
    if rng.random() < 0.4:
        return _canonical(scene, style_words)
    keep = rng.choice((0.5, 0.8, 1.0))

    def kept(chance: float = keep) -> bool:
        return rng.random() < chance

    parts = []
    if scene.figures and kept(0.93):
        subject = _varied_figures(scene, rng, keep)
        if kept():
            subject = f"{rng.choice(_SHOT[scene.shot])} of {subject}"
        parts.append(subject)
        if kept(0.9):
            parts.append(f"{rng.choice(('in the', 'at the', 'in a'))} {scene.place}")
    else:
        opening = f"{rng.choice(_SHOT[scene.shot])} of " if kept() else ""
        empty = "empty " if not scene.figures and kept(0.3) else ""
        parts.append(
            f"{opening}{rng.choice(('the', 'a'))} {empty}{scene.place}".replace("a empty", "an empty")
        )
    details = []
    if kept():
        details.append(rng.choice(_TIME[scene.time]))
    if kept():
        details.append(rng.choice(_WEATHER[scene.weather]))
    details += [f"with {with_article(name)}" for name in scene.objects if kept()]
    rng.shuffle(details)
    parts += details
    if not style_words or not kept(0.95):
        return ", ".join(parts)
    if rng.random() < 0.25:
        return f"in {style_words} style: " + ", ".join(parts)
    return ", ".join([*parts, f"in {style_words} style"])


def _varied_figures(scene: SceneDescription, rng: random.Random, keep: float) -> str:
    def person(figure: Figure) -> str:
        mood = figure.mood if rng.random() < keep else "calm"
        return _person(figure.appearance, mood, hair=rng.random() < keep, build=rng.random() < keep)

    if len(scene.figures) == 1:
        figure = scene.figures[0]
        place = f" on the {figure.side}" if figure.side != "centre" and rng.random() < keep else ""
        doing = f" {_doing(figure)}" if rng.random() < max(keep, 0.8) else ""
        return f"{person(figure)}{doing}{place}"
    left, right = scene.figures
    if left.verb == "hug":
        return f"{person(left)} {rng.choice(('hugging', 'and', 'hugging'))} {person(right)}"
    sides = rng.random() < keep
    doings = [f" {_doing(figure)}" if rng.random() < max(keep, 0.8) else "" for figure in scene.figures]
    phrases = [
        f"{person(figure)}{doing}{f' on the {figure.side}' if sides else ''}"
        for figure, doing in zip(scene.figures, doings, strict=True)
    ]
    return " and ".join(phrases)
