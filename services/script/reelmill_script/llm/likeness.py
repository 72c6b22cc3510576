"""No character is made to look like a living person unless the theme asks for it. Pure: no I/O.

What a language model writes is searched for likenesses: "looks like Ada Example", "an Ada Example double",
"played by ...". One that the user's theme does not ask for is refused. Names cannot be told from words by
looking at them, so outside of appearances a likeness counts only with a name of two or more capital words.
"""

import re
from collections.abc import Iterable, Iterator

_PHRASES = (
    r"look(?:s|ed|ing)? (?:\w+ ){0,3}like",
    r"resembl(?:es?|ed|ing)",
    r"(?:dead )?ringer for",
    r"(?:played|portrayed|embodied|voiced|inspired) by",
    r"(?:starring|reminiscent of|similar to)",
    r"(?:based|model+ed) (?:on|after|upon)",
    r"(?:spitting |very )?(?:image|likeness|double|look-?alike|doppelg(?:ä|ae|a)nger) of",
    r"with the (?:\w+ )?(?:face|looks|features|hair|smile|body|build|eyes) of",
)
_PHRASE = re.compile(rf"\b(?:{'|'.join(_PHRASES)})\b", re.IGNORECASE)
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w’'.-]*"
_NAME = rf"{_CAPITAL}(?: (?:{_CAPITAL}|de|da|di|van|von|del|la|le|bin|al))* {_CAPITAL}"
# "the young actor Ada Example": a few plain words may come before a name.
_NAMED_AFTER = re.compile(rf" (?:[a-z][\w-]* ){{0,4}}({_NAME})")
_NAMED_BEFORE = re.compile(rf"({_NAME})(?:[ -](?:look-?alike|double|type|clone)\b|-?esque\b)")
_BEFORE = re.compile(r"\b(?:look-?alike|doppelg(?:ä|ae|a)nger)\b", re.IGNORECASE)
_TITLE = re.compile(
    r"the|captain|doctor|dr\.?|professor|old|young|little|big|uncle|aunt|grand(?:ma|pa)|granny|mother|father|"
    r"brother|sister|sir|lady|lord|king|queen|princess|prince|mrs?\.?|miss|ms\.?|saint",
    re.IGNORECASE,
)
# Two of these in a row are where somebody is from, and no name.
_ORIGIN = re.compile(
    r"african|american|asian|australian|caribbean|central|european|indian|islander|latin|middle|native|pacific|"
    r"(?:north|south|east|west)(?:ern)?"
)
_ASKED_FOR = 80  # characters after "looks like" in which a theme names whom


def check_texts(texts: Iterable[str], theme: str, cast: Iterable[str] = ()) -> None:
    """Raises ValueError with a sentence for the model where a text likens somebody to a person by name.

    `cast`: the characters' names, who may look like each other.
    """
    known = {word for name in cast for word in _words(name)}
    for text in texts:
        for name in _likenesses(text):
            if not _words(name) <= known and not _asked_for(name, theme):
                raise ValueError(
                    f"{name!r} is named as somebody whom a character looks like or is played by; "
                    "characters are invented and look like nobody real"
                )


def check_appearance(appearance: str, theme: str) -> None:
    """The same, stricter, for how a character looks: no likeness and no name at all."""
    names = [match[0] for match in re.finditer(_NAME, appearance)]
    strangers = [name for name in names if not (_is_origin(name) or _asked_for(name, theme))]
    likened = _likens(appearance) and not (names or _likens(theme))
    if strangers or likened:
        raise ValueError(
            f"the appearance {appearance!r} likens a character to somebody; say it in build, hair, clothing "
            "and colours alone"
        )


def check_name(name: str, theme: str) -> None:
    """Raises ValueError where a character has a first name and a surname, as real people do."""
    words = name.split()
    surname = len(words) > 1 and not _TITLE.fullmatch(words[0])
    if surname and not _words(name) <= _words(theme):
        raise ValueError(f"{name!r} is more than an invented first name; call the character {words[0]!r}")


def _is_origin(name: str) -> bool:
    return all(_ORIGIN.fullmatch(word) for word in _words(name))


def _likens(text: str) -> bool:
    return bool(_PHRASE.search(text) or _BEFORE.search(text))


def _likenesses(text: str) -> Iterator[str]:
    for phrase in _PHRASE.finditer(text):
        if named := _NAMED_AFTER.match(text, phrase.end()):
            yield named[1]
    for match in _NAMED_BEFORE.finditer(text):
        yield match[1]


def _asked_for(name: str, theme: str) -> bool:
    """Whether the theme itself has a likeness with all words of the name near it."""
    wanted = _words(name)
    after = [theme[match.end() : match.end() + _ASKED_FOR] for match in _PHRASE.finditer(theme)]
    before = [theme[max(0, match.start() - _ASKED_FOR) : match.start()] for match in _BEFORE.finditer(theme)]
    return any(wanted <= _words(part) for part in (*after, *before))


def _words(text: str) -> set[str]:
    return {re.sub(r"['’]s?$", "", word) for word in re.findall(r"[\w’'-]+", text.lower())} - {""}
