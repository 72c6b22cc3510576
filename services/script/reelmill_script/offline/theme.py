"""What a theme's words point to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reelmill_world import COLOURS, GARMENTS

from .texts import load

_ROLE = re.compile(r"^(?:an?|the|one)\s+((?:[a-z][a-z-]+\s+){1,4})", re.IGNORECASE)
_PAIR = re.compile(r"^(?:the\s+)?two\s+(?:[a-z]+\s+)?([a-z]{3,})s\b", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:named|called)\s+([A-Z][a-z]{1,14})\b")
_WARDROBE = re.compile(rf"\b({'|'.join(COLOURS)})\s+({'|'.join(GARMENTS)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Genre:
    """What a story of this kind may be; all empty where no genre was asked for, or one that nobody knows."""

    label: str = ""
    premises: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    weathers: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str) -> "Genre":
        known = load("genres").get(name.strip().lower(), {})
        return cls(known.get("label", ""), *(tuple(known.get(field, ())) for field in cls.__slots__[1:]))


@dataclass(frozen=True, slots=True)
class Reading:
    """Hints, best first; empty where the theme says nothing."""

    places: tuple[str, ...]
    times: tuple[str, ...]
    weathers: tuple[str, ...]
    tokens: tuple[str, ...]
    premises: tuple[str, ...]
    styles: tuple[str, ...]
    kind: str
    role: str  # "lighthouse keeper"
    pair: str  # "brother", where it is about two of them
    name: str
    old: bool
    colour: str
    garment: str
    genre: Genre


def read_theme(theme: str, genre: str = "") -> Reading:
    """`genre`: one of the paper's, or any word, which then is read as if the theme had it."""
    kind = Genre.of(genre)
    told = theme if kind.label else f"{theme} {genre}"
    words = [re.sub(r"['’]s?$", "", word) for word in re.findall(r"[a-zà-ÿ'’-]+", told.lower())]
    lexicon = load("lexicon")
    role = _role(theme)
    two = _PAIR.match(theme.strip())
    pair = two[1].lower() if two else ""
    kinds = ranked(lexicon["kinds"], role.split() or [pair]) or ranked(lexicon["kinds"], words)
    named = _NAMED.search(theme)
    wardrobe = _WARDROBE.search(theme)
    return Reading(
        places=ranked(lexicon["places"], words),
        times=ranked(lexicon["times"], words) or kind.times,
        weathers=ranked(lexicon["weathers"], words) or kind.weathers,
        tokens=ranked(lexicon["tokens"], words),
        premises=ranked(lexicon["premises"], words),
        styles=ranked(lexicon["styles"], words),
        kind=kinds[0] if kinds else "",
        role=role,
        pair=pair,
        name=named[1] if named else "",
        old=bool({"old", "elderly", "retired", "grandmother", "grandfather", "widow"} & set(words)),
        colour=wardrobe[1].lower() if wardrobe else "",
        garment=wardrobe[2].lower() if wardrobe else "",
        genre=kind,
    )


def ranked(table: Mapping[str, Sequence[str]], words: Sequence[str]) -> tuple[str, ...]:
    """Keys of the table that the words point to: the most often named first, then the first named."""
    first: dict[str, int] = {}
    count: dict[str, int] = {}
    for key, signs in table.items():
        known = {key, *signs}
        hits = [at for at, word in enumerate(words) if word in known or word.removesuffix("s") in known]
        if hits:
            named = sum(words[at].removesuffix("s") == key for at in hits)
            first[key], count[key] = hits[0], len(hits) + named
    return tuple(sorted(first, key=lambda key: (-count[key], first[key])))


def _role(theme: str) -> str:
    """Who the theme is about: the words between its first article and its first verb."""
    if not (match := _ROLE.match(theme.strip())):
        return ""
    words = load("lexicon")["words"]
    not_a_role, adjectives = words["not_a_role"], words["adjectives"]
    role: list[str] = []
    for word in match[1].lower().split():
        noun = bool(role) and role[-1] not in adjectives
        verb = word.endswith(("s", "ed", "ing")) and not word.endswith("ss")
        if word in not_a_role or (noun and verb):
            break
        role.append(word)
    named = " ".join(role)
    return named if 0 < len(role) <= 3 and role[-1] in words["people"] else ""
