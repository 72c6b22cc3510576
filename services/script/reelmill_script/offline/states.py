"""What is true of everybody at each point of the story: where they are, what they wear, what they know."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reelmill_world import with_article

from .looks import garments
from .people import Person
from .texts import fill, load

_CHANGES = 0.6  # how often somebody wears something else on another day
_LEADS = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class State:
    """A character when a scene begins; `place` is empty before they have been anywhere."""

    name: str
    place: str
    wearing: str
    knows: tuple[str, ...]


class States:
    """Follows the cast through the story, scene by scene."""

    def __init__(self, people: Mapping[str, Person], rng: random.Random) -> None:
        self._rng = rng
        self._cast = {key: person for key, person in people.items() if person.appearance}
        self._places = dict.fromkeys(self._cast, "")
        self._knows: dict[str, list[str]] = {key: [] for key in self._cast}
        self._seen_in = {key: clothes(person) for key, person in self._cast.items()}
        self._day = 0

    def dressed(self, people: Mapping[str, Person], day: int) -> dict[str, Person]:
        """The people of a scene as they are dressed that day.

        On another day somebody may have another garment on, in the colour that is theirs alone.
        """
        if day != self._day:
            self._day = day
            for key in self._cast:
                if self._rng.random() < _CHANGES:
                    self._change(key)
        keys = {person.name: key for key, person in self._cast.items()}
        return {role: self._cast[keys[person.name]] for role, person in people.items()}

    def begin(self, people: Mapping[str, Person], place: str) -> tuple[list[State], list[Person]]:
        """How everybody is when these people meet here, and who has changed clothes since last seen."""
        names = {person.name for person in people.values()}
        changed = []
        for key, person in self._cast.items():
            if person.name in names:
                self._places[key] = place
                if clothes(person) != self._seen_in[key]:
                    self._seen_in[key] = clothes(person)
                    changed.append(person)
        states = [
            State(person.name, self._places[key], clothes(person), tuple(self._knows[key]))
            for key, person in self._cast.items()
        ]
        return states, changed

    def learn(self, kind: str, people: Mapping[str, Person], slots: Mapping[str, object]) -> None:
        """What those who are there take away from a scene of this kind."""
        keys = {person.name: key for key, person in self._cast.items()}
        for role, template in load("states")[kind].get("learns", {}).items():
            if role in people:
                known = self._knows[keys[people[role].name]]
                if (fact := fill(template, slots)) not in known:
                    known.append(fact)

    def _change(self, key: str) -> None:
        """Leads wear garments of their own where there are enough of them."""
        person = self._cast[key]
        assert person.appearance is not None
        worn = person.appearance.garment
        of_others = {
            other.appearance.garment
            for lead, other in self._cast.items()
            if lead in _LEADS and lead != key and other.appearance
        }
        choices = [garment for garment in garments(person.kind) if garment != worn]
        free = [garment for garment in choices if key not in _LEADS or garment not in of_others]
        appearance = replace(person.appearance, garment=self._rng.choice(free or choices))
        self._cast[key] = replace(person, appearance=appearance)


def clothes(person: Person) -> str:
    """What frames show them in: "a blue coat"."""
    assert person.appearance is not None
    return with_article(f"{person.appearance.colour} {person.appearance.garment}")
