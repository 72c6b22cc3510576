"""The plan of a movie: who, where, when and why, scene by scene, before a word of it is told."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from reelmill_world import HELD_OBJECTS, PLACES, is_indoor, with_article

from ..domain import ScriptRequest
from .calendar import Calendar, Moment
from .people import Person, cast
from .places import Place, place
from .states import State, States
from .structure import Structure, chapter_kinds
from .texts import fill, load
from .theme import Reading

Slots = dict[str, Any]


@dataclass(slots=True)
class ScenePlan:
    kind: str
    place: Place
    moment: Moment
    people: dict[str, Person]  # by the roles of the scene's texts: A, B, C, W
    slots: Slots
    lead: str  # why it happens, from the scene before
    because: str  # the same as a clause; empty for the first scene
    states: list[State]
    changed: list[Person]  # who wears something else than when they were last seen


@dataclass(slots=True)
class ChapterPlan:
    kind: str
    slots: Slots
    scenes: list[ScenePlan] = field(default_factory=list)


@dataclass(slots=True)
class Plot:
    people: dict[str, Person]
    premise: str
    label: str  # what kind of story it is, in words
    slots: Slots
    chapters: list[ChapterPlan]


def plan(request: ScriptRequest, reading: Reading, rng: random.Random) -> Plot:
    """The same request and a generator in the same state give the same plot."""
    return _Planner(request, reading, rng).plan()


class _Planner:
    def __init__(self, request: ScriptRequest, reading: Reading, rng: random.Random) -> None:
        self._request = request
        self._reading = reading
        self._rng = rng
        scenes = request.chapters * request.scenes
        self._witnesses = 0 if scenes < 4 else 1 if scenes <= 12 else 2 if scenes <= 60 else 3
        self._homes = self._choose_homes(3 + self._witnesses)
        self._people = cast(reading, self._homes, self._witnesses, rng)
        self._key = place(self._choose_key())
        self._premise = self._choose_premise()
        self._clues = self._all_clues()
        self._visits: Counter[str] = Counter()
        self._last: dict[str, int] = {}
        self._spots: Counter[tuple[str, str]] = Counter()
        self._heard: Counter[str] = Counter()
        self._states = States(self._people, random.Random(f"{request.digest()}/states"))

    def plan(self) -> Plot:
        slots = self._story_slots()
        kinds = chapter_kinds(self._request.chapters)
        structure = Structure(self._premise, self._witnesses, self._rng)
        scenes = [structure.scenes(kind, self._request.scenes) for kind in kinds]
        places = self._route(
            [(kind, name) for kind, names in zip(kinds, scenes, strict=True) for name in names]
        )
        facts = self._facts(kinds, slots)
        calendar = Calendar(self._reading.times, self._reading.weathers, self._rng)
        chapters: list[ChapterPlan] = []
        lead, because, number = "", "", 0
        for c, (kind, names) in enumerate(zip(kinds, scenes, strict=True)):
            question, fact = facts[c]
            chapter = ChapterPlan(
                kind, slots | {"question": question, "fact": fact, "fact_said": self._said_by_a(fact)}
            )
            for s, name in enumerate(names):
                here = places[number]
                there = places[number + 1] if number + 1 < len(places) else self._key
                moment = calendar.next(here.name, new_chapter=s == 0)
                scene = self._scene(name, chapter.slots, here, there, moment, lead)
                scene.because, because = because, fill(load("states")[name]["because"], scene.slots)
                self._states.learn(name, scene.people, scene.slots)
                lead = fill(self._rng.choice(load("scenes")[name]["lead"]), scene.slots)
                chapter.scenes.append(scene)
                number += 1
            chapters.append(chapter)
        label = self._reading.genre.label or load("premises")[self._premise]["label"]
        return Plot(self._people, self._premise, label, slots, chapters)

    def _scene(
        self, name: str, slots: Slots, here: Place, there: Place, moment: Moment, lead: str
    ) -> ScenePlan:
        entry = load("scenes")[name]
        people = {role: self._people[role] for role in entry["cast"] if role != "W"}
        named: dict[str, Person] = {}
        if self._witnesses and "W" in (*entry["cast"], *entry.get("mentions", [])):
            named["W"] = self._witness(here.name)
        if "W" in entry["cast"]:
            people |= named
        spot = min(
            self._rng.sample(here.spots, len(here.spots)), key=lambda spot: self._spots[here.name, spot]
        )
        self._spots[here.name, spot] += 1
        filled = {
            **slots,
            **people,
            **named,
            **here.slots(),
            **there.slots("_next"),
            "in": f"{here.prep} the {here.title}",
            "time": moment.word,
            "weather": {"clear": "sun", "snow": "cold"}.get(moment.weather, moment.weather),
            "spot": spot,
            "detail": self._rng.choice(here.details),
        }
        if "clue" in str(entry):
            clue = self._clues.pop()
            near = fill(self._rng.choice(load("clues")["near"][0]["text"]), filled)
            filled |= {"clue": clue, "a_clue": with_article(clue), "the_clue": f"the {clue}", "near": near}
        people = self._states.dressed(people, moment.day)
        states, changed = self._states.begin(people, here.name)
        return ScenePlan(name, here, moment, people, filled, lead, "", states, changed)

    def _choose_homes(self, count: int) -> list[str]:
        others = self._rng.sample(PLACES, len(PLACES))
        hinted = list(self._reading.places)
        return (hinted + [name for name in others if name not in hinted])[:count]

    def _choose_key(self) -> str:
        """Where it all ends: the theme's second place, or somewhere that nobody of the cast is at home."""
        if len(self._reading.places) > 1:
            return self._reading.places[1]
        return self._rng.choice([name for name in PLACES if name not in self._homes])

    def _choose_premise(self) -> str:
        """What the theme points to, within what the genre may be."""
        possible = self._reading.genre.premises or [p for p in load("premises") if p != "more"]
        hinted = [premise for premise in self._reading.premises if premise in possible]
        return (*hinted, self._rng.choice(possible))[0]

    def _all_clues(self) -> list[str]:
        texts = load("clues")
        things = self._rng.sample(texts["things"], len(texts["things"]))
        again = [f"{quality} {thing}" for quality in texts["qualities"] for thing in things]
        return [*reversed(again), *reversed(things)]

    def _story_slots(self) -> Slots:
        premise = load("premises")[self._premise]
        past = self._people["O"]
        usual = ("letter", "book", "lantern", "bag", "cup", "camera", "guitar")
        token = (*self._reading.tokens, self._rng.choice(usual))[0]
        assert token in HELD_OBJECTS
        slots: Slots = {
            **{key: person for key, person in self._people.items() if not key.startswith("W")},
            **self._key.slots("_key"),
            "key": self._key.title,
            "to_key_go": f"to go {self._key.slots()['to']}",
            "relation": self._rng.choice(load("people")["relations"][past.kind]),
            "token": f"the {token}",
            "a_token": with_article(token),
            "token_word": token,
        }
        for part in ("cause", "goal", "stake", "hook", "truth", "plea", "ending", "lesson"):
            slots[part] = fill(premise[part], slots)
        slots["cause_said"] = slots["cause"].replace(self._people["A"].poss, "my")
        return slots

    def _facts(self, kinds: list[str], slots: Slots) -> list[tuple[str, str]]:
        """A question and what is found out, for each chapter; the last fact points to C."""
        own = load("premises")[self._premise]["facts"]
        more = self._rng.sample(load("premises")["more"]["facts"], len(load("premises")["more"]["facts"]))
        needed = len(kinds)
        if needed <= len(own):
            step = (len(own) - 1) / max(1, needed - 1)
            pairs = [own[round(i * step)] for i in range(needed)] if needed > 1 else [own[-1]]
        else:
            extra = needed - len(own)
            pairs = own[:2]
            for i, pair in enumerate(own[2:]):
                pairs = [*pairs, *more[i * extra // 5 : (i + 1) * extra // 5], pair]
            pairs = [*pairs, *own[-1:] * (needed - len(pairs))]
        return [(fill(question, slots), fill(fact, slots)) for question, fact in pairs]

    def _said_by_a(self, fact: str) -> str:
        return fact.replace(f"to {self._people['A'].name}", "to me")

    def _route(self, scenes: list[tuple[str, str]]) -> list[Place]:
        """A place for every scene: never the same twice running, everybody asked where they are at home."""
        route: list[Place] = []
        for number, (_, name) in enumerate(scenes):
            before = route[-1].name if route else ""
            last = number == len(scenes) - 1
            if last or name in ("give", "farewell"):
                choice = self._key.name
            elif number == 0:
                choice = self._homes[0]
            elif _is_a_visit(name) and (homes := [h for h in self._homes[3:] if h != before]):
                choice = min(homes, key=lambda home: (self._visits[home], self._homes.index(home)))
            else:
                choice = self._somewhere(before, number)
            self._visits[choice] += 1
            self._last[choice] = number
            route.append(place(choice))
        return route

    def _somewhere(self, before: str, number: int) -> str:
        """Somewhere else: what the theme names first, then what was seen least and longest ago."""
        free = [
            name for name in self._rng.sample(PLACES, len(PLACES)) if name not in (before, self._key.name)
        ]
        hinted = [name for name in free if name in self._reading.places and not self._visits[name]]
        return min(hinted or free, key=lambda name: (self._visits[name], self._last.get(name, -1)))

    def _witness(self, here: str) -> Person:
        keys = [f"W{n}" for n in range(1, self._witnesses + 1)]
        key = min(keys, key=lambda k: (self._people[k].home != here, self._heard[k], k))
        self._heard[key] += 1
        return self._people[key]


def weather_texts(kind: str, scene: ScenePlan) -> list[str]:
    """The texts of a kind for a scene's weather, as it is inside or outside."""
    where = "indoors" if is_indoor(scene.place.name) else "outdoors"
    texts: list[str] = load("beats")[kind][where][scene.moment.weather]
    return texts


def _is_a_visit(kind: str) -> bool:
    """Whether somebody is called on where they are at home."""
    return "W" in load("scenes")[kind]["cast"] and kind not in ("kindness", "gather")
