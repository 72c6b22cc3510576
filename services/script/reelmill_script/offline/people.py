"""Who is in a movie, and how each of them looks in every frame of it."""

import random
from dataclasses import dataclass, replace
from typing import Self

from reelmill_world import Appearance, appearance_phrase

from .looks import appearances
from .texts import load
from .theme import Reading

_HE = {"he": "he", "him": "him", "his": "his"}
_SHE = {"he": "she", "him": "her", "his": "her"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the cast, or of the past; `he`, `him` and `his` are what they are called."""

    key: str  # A main, B friend, C keeps the secret, W... have seen something, O is of the past
    name: str
    kind: str
    role: str = ""
    trait: str = ""
    home: str = ""
    appearance: Appearance | None = None
    face: str = ""

    def __format__(self, spec: str) -> str:
        return self.name

    @property
    def he(self) -> str:
        return self._pronouns["he"]

    @property
    def him(self) -> str:
        return self._pronouns["him"]

    @property
    def his(self) -> str:
        return self._pronouns["his"]

    @property
    def poss(self) -> str:
        return f"{self.name}'s"

    @property
    def seen(self) -> str:
        """The face with the name, for sentences about several people."""
        return (
            f"{self.name} {self.face}"
            if not self.face.startswith(self.his)
            else self.face.replace(self.his, self.poss, 1)
        )

    @property
    def looks(self) -> str:
        return appearance_phrase(self.appearance) if self.appearance else ""

    def showing(self, mood: str, rng: random.Random) -> Self:
        """The same person with a face to be told of."""
        return replace(self, face=rng.choice(load("people")["faces"][mood]).format(his=self.his))

    @property
    def _pronouns(self) -> dict[str, str]:
        return _SHE if self.kind in ("woman", "girl") else _HE


def cast(reading: Reading, homes: list[str], witnesses: int, rng: random.Random) -> dict[str, Person]:
    """A, B, C, O and W1.. by key. `homes`: a place for each of the cast, A's first."""
    texts = load("people")
    grown = ("woman", "man")
    main = reading.kind or rng.choice(grown if reading.role else (*grown, "girl", "boy"))
    friend = rng.choice(("girl", "boy") if main in ("girl", "boy") else (*grown, *grown, "boy"))
    kinds = {"A": main, "B": main if reading.pair and reading.kind else friend, "C": rng.choice(grown)}
    kinds |= {f"W{n}": rng.choice(grown) for n in range(1, witnesses + 1)}
    looks = appearances(kinds, reading, rng)
    taken = {reading.name[:1]} if reading.name else set()
    people: dict[str, Person] = {}
    traits = {"A": "main", "B": "friend", "C": "keeper"}
    shuffled = {group: rng.sample(lines, len(lines)) for group, lines in texts["traits"].items()}
    for (key, kind), home in zip(kinds.items(), homes, strict=False):
        name = reading.name if key == "A" and reading.name else _name(texts["names"][kind], taken, rng)
        role = _role(kind, texts["roles"][home], rng)
        if reading.pair and key in ("A", "B"):
            role = f"{'elder' if key == 'A' else 'younger'} {reading.pair}"
        elif key == "A" and reading.role:
            role = reading.role
        trait = shuffled[traits.get(key, "witness")].pop()
        people[key] = Person(key, name, kind, f"the {role}", trait, home, looks[key])
    kind = rng.choice(("woman", "man"))
    people["O"] = Person("O", _name(texts["names"]["past"][kind], taken, rng), kind)
    return people


def _name(names: list[str], taken: set[str], rng: random.Random) -> str:
    """A name with an initial that nobody else has, while there is one."""
    free = [name for name in names if name[0] not in taken] or names
    name = rng.choice(free)
    taken.add(name[0])
    return name


def _role(kind: str, roles: list[str], rng: random.Random) -> str:
    role = rng.choice(roles)
    if kind in ("girl", "boy"):
        return f"{role}'s {'daughter' if kind == 'girl' else 'son'}"
    return role
