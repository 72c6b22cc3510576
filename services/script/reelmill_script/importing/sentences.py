"""What the sentences of a story JSON say: the style, the place, the time of day. Pure: no I/O."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NOWHERE = "scene"
"""The place of a story that names none."""
_MANY = 40  # places in a script; those that come least often go to the one before
_LENGTH = 40
_ASKED = re.compile(
    r"^\W*(?:please )?(?:generate|draw|create|make) an? (?:image|picture|frame) (?:in|on|of|with) "
    r"(?:an? |the )?(?P<style>[^:]{1,60}?) style\s*[:,.-]\s*",
    re.IGNORECASE,
)
# As our own exports end: ", in the harbour, night, fog, in film noir style".
_ENDED = re.compile(r", in (?P<style>[^,]{1,60}) style\.?$", re.IGNORECASE)
_OURS = re.compile(r"\b(?:in|of) the (?P<place>[^,]{1,40}), (?P<time>morning|day|evening|night)(?=,|$)")
_LED = re.compile(
    r"^(?:in|at|on|inside|outside|near|within|by|from|atop|behind|around|under) "
    r"(?:(?:front|the (?:entrance|doorway|gate|top|end|edge|middle|corner|back|foot|bottom|path leading)) "
    r"(?:of|from) )?"
    r"(?P<place>(?:(?:the|an?|his|her|their) )?[\w'’ -]{2,60}?)(?:,|\s(?=an?\b|is\b|are\b))\s*",
    re.IGNORECASE,
)
_TIMES = {
    "night": r"night|midnight|moonlight|moonlit|starry|stars",
    "evening": r"evening|dusk|sunset|twilight|setting sun",
    "morning": r"morning|dawn|sunrise|daybreak",
    "day": r"noon|midday|afternoon|daylight",
}
_ARTICLE = re.compile(r"^(?:the|an?|his|her|their) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text`: the sentence without what it asks of the drawing program; `body`: without the place, too.

    `place` and `time` are empty where it says none. `ours`: it is a prompt that this software has written.
    """

    text: str
    body: str
    style: str
    place: str
    time: str
    ours: bool


def read(text: str) -> Sentence:
    text = text.replace("’", "'")
    if (ended := _ENDED.search(text)) and (here := _OURS.search(text)):
        return Sentence(
            text[: ended.start()], text[: ended.start()], ended["style"], here["place"], here["time"], True
        )
    asked = _ASKED.match(text)
    told = text[asked.end() :].strip() if asked else text
    led = _LED.match(told)
    place = _ARTICLE.sub("", led["place"].strip()).lower() if led else ""
    if _time(place) or len(place) > _LENGTH:  # "At dusk, ..": a time and no place
        place = ""
    body = told[led.end() :].strip() if led and place else told
    return Sentence(
        told or text, body or told or text, asked["style"] if asked else "", place, _time(told), False
    )


def style_of(sentences: Iterable[Sentence]) -> str:
    """What most of them name; "" where none does."""
    named = Counter(sentence.style for sentence in sentences if sentence.style)
    return named.most_common(1)[0][0] if named else ""


def places(sentences: Sequence[Sentence]) -> list[str]:
    """A place for each: as it says, in one spelling, or the last that was named."""
    count = Counter(sentence.place for sentence in sentences if sentence.place)
    known = [place for place, _ in count.most_common(_MANY)]
    found: list[str] = []
    first = next((sentence.place for sentence in sentences if sentence.place in known), NOWHERE)
    for sentence in sentences:
        here = _nearest(sentence.place, known, count)
        found.append(here or (found[-1] if found else _nearest(first, known, count) or first))
    return found


def times(sentences: Sequence[Sentence], scene: Sequence[int]) -> list[str]:
    """A time of day for each: as it says, or as another sentence of its scene does; else "day"."""
    said: dict[int, str] = {}
    for sentence, number in zip(sentences, scene, strict=True):
        if sentence.time:
            said.setdefault(number, sentence.time)
    found: list[str] = []
    now, before = "day", -1
    for sentence, number in zip(sentences, scene, strict=True):
        if number != before:
            now, before = said.get(number, "day"), number
        now = sentence.time or now
        found.append(now)
    return found


def _time(text: str) -> str:
    for time, words in _TIMES.items():
        if re.search(rf"\b(?:{words})\b", text, re.IGNORECASE):
            return time
    return ""


def _nearest(place: str, known: Sequence[str], count: Counter[str]) -> str:
    """The commonest known place that is this one in other words: "city walls edge" is "city walls"."""
    if not place:
        return ""
    words = place.split()
    within = [
        other
        for other in known
        if count[other] > count[place] and other != place and _part(other.split(), words)
    ]
    return within[0] if within else (place if place in known else "")


def _part(small: Sequence[str], large: Sequence[str]) -> bool:
    """Whether the words stand together in the others, or the other way round."""
    short, long = (small, large) if len(small) <= len(large) else (large, small)
    return any(list(long[i : i + len(short)]) == list(short) for i in range(len(long) - len(short) + 1))
