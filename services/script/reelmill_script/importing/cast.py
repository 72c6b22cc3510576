"""The characters of an imported story: how they look, and where a sentence speaks of them. Pure: no I/O."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reelmill_world import COLOURS, GARMENTS, HAIR, with_article

from ..llm.likeness import check_appearance

_KINDS = {
    "woman": r"wom[ae]n|lady|queen|princess|mother|grandmother|actress|she|her|female",
    "girl": r"girl|daughter",
    "boy": r"boy|son",
    "man": r"m[ae]n|lord|baron|king|prince|father|grandfather|actor|he|his|male|guy|gentleman",
}
_COLOUR = re.compile(
    rf"\b(?:(?:dark|light|royal|pale|bright|deep) )?(?:{'|'.join(COLOURS)}|grey)\b", re.IGNORECASE
)
_LIKE = re.compile(r"\blook(?:s|ing)? like ((?:[A-Z][\w'’.-]*)(?: [A-Z][\w'’.-]*)*)")
_CLOTHES = rf"in (?:an?|the) [\w ]*?\b(?:{'|'.join(GARMENTS)})\b"
_CLOTHED = re.compile(rf"\b{_CLOTHES}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Member:
    """A character: `told` is the appearance as the story has it, `looks` that which is drawn."""

    name: str
    told: str
    looks: str


def cast_of(characters: Mapping[str, str]) -> list[Member]:
    """Everybody, in the story's order. Nobody is drawn to look like a real person: looks are made up instead.

    The same story gives the same looks; no two characters wear the same colour while there are enough.
    """
    members: list[Member] = []
    worn: set[str] = set()
    for name, told in characters.items():
        looks = told if _can_be_drawn(told) else _invented(name, told, worn)
        worn.update(match[0].lower() for match in _COLOUR.finditer(looks))
        members.append(Member(name, told, looks))
    return members


class Naming:
    """Puts characters' names where a story's sentences have their appearances."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._names = [member.name for member in members]
        told = [(re.escape(text), name) for text, name in _said_of(members)]
        told += [(pattern, member.name) for member in members for pattern in _in_other_clothes(member)]
        # The longest first: "a man in brown" is the beginning of "a man in brown boots".
        told.sort(key=lambda one: -len(one[0]))
        self._patterns = [
            (re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE), name) for pattern, name in told
        ]
        self._last = _last_names(self._names)

    def named(self, text: str) -> str:
        for pattern, name in self._patterns:
            text = pattern.sub(name, text)
        for last, name in self._last.items():
            before = re.escape(name[: -len(last)])
            text = re.sub(rf"(?<!{before})\b{re.escape(last)}\b", name, text)
        return text

    def seen(self, text: str) -> list[str]:
        """Whose name is in a named text, the first named first."""
        at = {
            name: match.start()
            for name in self._names
            if (match := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))
        }
        return sorted(at, key=lambda name: at[name])


def _can_be_drawn(appearance: str) -> bool:
    try:
        check_appearance(appearance, "")
    except ValueError:
        return False
    return bool(_kind(appearance))


def _kind(text: str) -> str:
    for kind, words in _KINDS.items():
        if re.search(rf"\b(?:{words})\b", text, re.IGNORECASE):
            return kind
    return ""


def _invented(name: str, told: str, worn: set[str]) -> str:
    """Kind, hair, and a garment in the colour that the story names."""
    digest = hashlib.sha256(name.encode()).digest()
    kind = _kind(_LIKE.sub("", told)) or _kind(name) or ("woman", "man")[digest[0] % 2]
    hair = HAIR[digest[1] % len(HAIR)]
    garment = GARMENTS[digest[2] % len(GARMENTS)] if kind in ("woman", "girl") else GARMENTS[digest[2] % 4]
    said = _COLOUR.search(_LIKE.sub("", told))
    free = [colour for colour in COLOURS if colour not in worn] or list(COLOURS)
    colour = said[0].lower() if said else free[digest[3] % len(free)]
    return f"{with_article(kind)} with {hair} hair in {with_article(f'{colour} {garment}')}"


def _said_of(members: Sequence[Member]) -> Iterator[tuple[str, str]]:
    """What stands for a name, and the name: whole appearances, and real people that some are likened to."""
    for member in members:
        yield member.told, member.name
        for real in _LIKE.findall(member.told):
            yield real, member.name


def _in_other_clothes(member: Member) -> Iterator[str]:
    """Our own exports have everybody in the clothes of the day: the same words up to those."""
    if not (clothed := _CLOTHED.search(member.told)):
        return
    person = re.sub(r"^(?:an?|the) ", "", member.told[: clothed.start()], flags=re.IGNORECASE).strip()
    if len(person.split()) > 1:  # less could be anybody
        yield rf"(?:(?:an?|the) (?:\w+ )?)?{re.escape(person)} {_CLOTHES}"


def _last_names(names: Sequence[str]) -> dict[str, str]:
    """The last word of names of several words, where it says who is meant."""
    lasts = [name.split()[-1] for name in names]
    return {
        last: name
        for last, name in zip(lasts, names, strict=True)
        if last != name and lasts.count(last) == 1 and len(last) > 2
    }
