"""Closed lists of names, and finding names that are on none of them. Pure: no I/O."""

import re
from collections.abc import Iterable

# A capital word that does not begin a sentence.
_CAPITAL_WORD = re.compile(r"(?<=[a-z,;:] )[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ][\w-]*")
_ALWAYS = frozenset(
    re.findall(
        r"\w+",
        "monday tuesday wednesday thursday friday saturday sunday january february march april may june july "
        "august september october november december christmas easter god english french german",
    )
)


class Names:
    """A closed list of names that forgives case, articles and surnames."""

    def __init__(self, names: Iterable[str], what: str) -> None:
        self.all = tuple(names)
        self._what = what
        self._by_key = {_key(name): name for name in self.all}

    def find(self, name: str) -> str | None:
        if found := self._by_key.get(_key(name)):
            return found
        words = set(_key(name).split())
        near = [known for key, known in self._by_key.items() if words & set(key.split())]
        return near[0] if len(near) == 1 else None

    def get(self, name: str) -> str:
        """Raises ValueError with a sentence for the model."""
        if found := self.find(name):
            return found
        raise ValueError(f"{name!r} is not one of the {self._what}: {', '.join(self.all)}")

    def __str__(self) -> str:
        return ", ".join(self.all)


def check_no_strangers(text: str, known: Iterable[str]) -> None:
    """Raises ValueError where a text names somebody or something that no text of `known` names."""
    words = {word for one in known for word in re.findall(r"[\w-]+", one.lower())} | _ALWAYS
    for match in _CAPITAL_WORD.finditer(text):
        if re.sub(r"['’]s?$", "", match[0]).lower() not in words:
            raise ValueError(
                f"{match[0]!r} in {text!r} is not one of the story's names; leave it out, or write it in "
                "small letters where it is no name"
            )


def same_name(one: str, other: str) -> bool:
    return _key(one) == _key(other)


def words_of_name(name: str) -> int:
    """Its words, an article not counted."""
    return len(_key(name).split())


def _key(name: str) -> str:
    words = name.lower().replace("-", " ").split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("the", "a", "an") else words)
