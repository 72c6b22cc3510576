"""The frames of a scene: its own beats, with what may be seen between them."""

import itertools
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from reelmill.v1 import script_pb2
from reelmill_world import Figure, SceneDescription, caption, with_article

from ..domain import STYLE_TOKEN
from .people import Person
from .plot import ScenePlan, weather_texts
from .texts import capital, fill, load

_SHOTS = ("medium", "wide", "close")
# What the others feel while A feels something.
_SYMPATHY = {"sad": "calm", "afraid": "afraid", "angry": "calm"}


@dataclass(slots=True)
class Actor:
    role: str
    verb: str
    mood: str = ""
    held: str = ""


@dataclass(slots=True)
class Beat:
    """One frame to be: the entry of the texts it comes from, and who acts in it."""

    entry: dict[str, Any]
    actors: list[Actor]
    filler: bool = False
    after_turn: bool = False


class Teller:
    """Tells scenes frame by frame; remembers what the movie has said, so that it does not say it again."""

    def __init__(self, rng: random.Random, frames: int) -> None:
        self._rng = rng
        self._told: set[str] = set()
        self._drawn: set[str] = set()
        self._said: Counter[str] = Counter()
        self._large = frames > 400

    def frames(self, plan: ScenePlan, count: int, first_index: int) -> list[script_pb2.Frame]:
        entry = load("scenes")[plan.kind]
        details = self._rng.sample(plan.place.details, len(plan.place.details))
        prop = self._rng.choice(plan.place.props) if self._rng.random() < 0.5 else ""
        sides = dict(zip(plan.people, ("left", "right", "left"), strict=False))
        drawn: set[str] = set()
        frames = []
        for i, beat in enumerate(self._beats(plan, entry, count)):
            rotated = details[i % len(details) :] + details[: i % len(details)]
            mood = entry["moods"][beat.after_turn]
            people = self._faces(plan, beat, mood)
            slots = {**plan.slots, **self._extras(plan, beat), **people}
            frame = script_pb2.Frame(
                index=first_index + i,
                location=plan.place.name,
                time_of_day=plan.moment.time,
                day=plan.moment.day + 1,
            )
            frame.description = self._sentence(beat.entry["text"], slots, rotated, plan)
            frame.actions.extend(self._actions(beat, people, mood, plan))
            frame.prompt = self._prompt(plan, beat, people, sides, prop, drawn)
            for line in self._lines(beat, slots):
                speaker, text = line.split(": ", 1)
                frame.dialogue.add(speaker=people[speaker].name, text=capital(text))
            frames.append(frame)
        return frames

    def _beats(self, plan: ScenePlan, entry: dict[str, Any], count: int) -> list[Beat]:
        """The scene's own beats, the most needed where there is little room, and others around them."""
        own = [beat for beat in entry["beats"] if beat["rank"] <= count]
        turn = min(range(len(own)), key=lambda i: own[i]["rank"])
        rooms: list[list[Beat]] = [[] for _ in range(len(own) + 1)]
        order = [0, *range(1, len(own)), len(own), *range(1, len(own))]
        used: Counter[int] = Counter()
        for n in range(count - len(own)):
            room = order[n % len(order)]
            at = "open" if room == 0 else "close" if room == len(own) else "early" if room <= turn else "late"
            empty = (n == 0 and self._rng.random() < 0.6) or (at == "close" and self._rng.random() < 0.3)
            beat = self._filler(
                plan, entry, at, room, empty and not any(_is_empty(b) for b in rooms[room]), used
            )
            beat.after_turn = room > turn
            rooms[room].append(beat)
        beats = list(rooms[0])
        for i, own_beat in enumerate(own):
            beats.append(Beat(own_beat, _actors(own_beat["who"]), after_turn=i > turn))
            beats += rooms[i + 1]
        return beats

    def _filler(
        self, plan: ScenePlan, entry: dict[str, Any], at: str, room: int, empty: bool, used: Counter[int]
    ) -> Beat:
        texts = load("beats")
        present = [
            role
            for role in plan.people
            if entry.get("arrives", {}).get(role, 0) <= room
            and (role not in entry.get("leaves", {}) or room < entry["leaves"][role])
        ]
        pairs = [r for r in present if r != "C"] if entry.get("chat") else []
        if empty and not present[2:]:
            choice = self._least(texts["empty"], at if at in ("open", "close") else "open", used)
            return Beat(choice, [], filler=True)
        if len(pairs) >= 2 and self._rng.random() < 0.6:
            choice = self._least(texts["duo"], at, used)
            roles = self._rng.sample(pairs, 2)
            held = self._thing(choice, plan)
            first, second = choice["verbs"]
            actors = [Actor(roles[0], first, held=held if first == "hold" else ""), Actor(roles[1], second)]
            return Beat(choice, actors, filler=True)
        leading = [role for role in present if role != "C"]
        choice = self._least(texts["solo"], at, used)
        held = self._thing(choice, plan)
        return Beat(
            choice, [Actor(self._rng.choice(leading or present), choice["verb"], held=held)], filler=True
        )

    def _least(self, entries: list[dict[str, Any]], at: str, used: Counter[int]) -> dict[str, Any]:
        """Of what may stand there, what the scene has used least."""
        fitting = [entry for entry in entries if entry["at"] in (at, "any")]
        choice = min(self._rng.sample(fitting, len(fitting)), key=lambda entry: used[id(entry)])
        used[id(choice)] += 1
        return choice

    def _faces(self, plan: ScenePlan, beat: Beat, mood: str) -> dict[str, Person]:
        people = dict(plan.people)
        for actor in beat.actors:
            actor.mood = actor.mood or (mood if actor.role == "A" else _SYMPATHY.get(mood, mood))
            people[actor.role] = plan.people[actor.role].showing(actor.mood, self._rng)
        for role, person in people.items():
            if not person.face:
                people[role] = person.showing("calm", self._rng)
        for letter, actor in zip("XY", beat.actors, strict=False):
            people[letter] = people[actor.role]
        return people

    def _extras(self, plan: ScenePlan, beat: Beat) -> dict[str, str]:
        held = next((actor.held for actor in beat.actors if actor.held), "")
        return {
            "sky": self._rng.choice(weather_texts("sky", plan)),
            "weather_remark": self._rng.choice(weather_texts("remarks", plan)).format(time=plan.moment.word),
            "a_held": with_article(held) if held else "",
            "the_held": f"the {held}",
        }

    def _sentence(
        self, variants: list[str], slots: dict[str, Any], details: list[str], plan: ScenePlan
    ) -> str:
        """A sentence that the movie has not used yet."""
        text = ""
        variants = self._rng.sample(variants, len(variants))
        for n, detail in enumerate(details):
            for variant in variants:
                other = details[(n + 1) % len(details)]
                text = fill(variant, {**slots, "detail": detail, "detail2": other})
                if text not in self._told:
                    self._told.add(text)
                    return text
        tails = [tail.format(time=plan.moment.word) for tail in weather_texts("tails", plan)]
        tails = self._rng.sample(tails, len(tails))
        for tail in [*tails, *(f"{tail}, not far from {detail}" for detail in details for tail in tails)]:
            longer = f"{text.removesuffix('.')}, {tail}."
            if longer not in self._told:
                self._told.add(longer)
                return longer
        return text

    def _actions(
        self, beat: Beat, people: dict[str, Person], mood: str, plan: ScenePlan
    ) -> list[script_pb2.Action]:
        actions = []
        for actor in beat.actors:
            others = [people[other.role].name for other in beat.actors if other is not actor]
            target = others[0] if others and actor.verb in ("talk", "hug") else ""
            if actor.verb == "hold":
                target = self._held(actor, plan)
            actions.append(
                script_pb2.Action(
                    character=people[actor.role].name, verb=actor.verb, target=target, expression=actor.mood
                )
            )
        return actions

    def _prompt(
        self,
        plan: ScenePlan,
        beat: Beat,
        people: dict[str, Person],
        sides: dict[str, str],
        prop: str,
        drawn: set[str],
    ) -> str:
        """The canonical caption of the frame; one that the scene has not had, while there is one."""
        own = beat.entry["shot"]
        shots = [shot for shot in (own, *_SHOTS) if beat.actors or shot != "close"]
        actors = sorted(beat.actors, key=lambda actor: sides.get(actor.role, "") == "right")
        orders = [actors, actors[::-1]] if len(actors) == 2 else [actors]
        alone = ("centre", "left", "right") if len(actors) == 1 else ("",)
        prompt = ""
        for shows in (bool(prop), not prop):
            for order, side, shot in itertools.product(orders, alone, shots):
                scene = SceneDescription.of(
                    plan.place.name,
                    time=plan.moment.time,
                    weather=plan.moment.weather,
                    shot=shot,
                    figures=[
                        self._figure(actor, people, plan, side or ("left", "right")[i])
                        for i, actor in enumerate(order)
                    ],
                    objects=[prop or plan.place.props[0]] if shows and shot != "close" else [],
                )
                prompt = caption(scene, style_words=STYLE_TOKEN)
                if prompt not in drawn:
                    drawn.add(prompt)
                    return prompt
        return prompt

    def _figure(self, actor: Actor, people: dict[str, Person], plan: ScenePlan, side: str) -> Figure:
        appearance = people[actor.role].appearance
        assert appearance is not None
        held = self._held(actor, plan) if actor.verb == "hold" else None
        return Figure(appearance, verb=actor.verb, mood=actor.mood, side=side, held=held)

    def _lines(self, beat: Beat, slots: dict[str, Any]) -> list[str]:
        """What is said in the frame; small talk is not said twice while the movie is short."""
        variants = beat.entry.get("say") or []
        variants = [v for v in variants if not beat.filler or self._large or not self._said[v]]
        silent = 0.4 if beat.filler else 0.3 if beat.entry["rank"] == 3 else 0.0
        if not variants or self._rng.random() < silent:
            return []
        choice = min(self._rng.sample(variants, len(variants)), key=lambda v: self._said[v])
        self._said[choice] += 1
        return [
            f"{line.split(':', 1)[0]}: {fill(line.split(': ', 1)[1], slots)}" for line in choice.split("|")
        ]

    def _thing(self, entry: dict[str, Any], plan: ScenePlan) -> str:
        """Something to hold that the story is not about."""
        held = entry.get("held", [])
        possible = plan.place.things if held == "place" else held
        things = [thing for thing in possible if thing != plan.slots["token_word"]]
        return self._rng.choice(things) if things else ""

    def _held(self, actor: Actor, plan: ScenePlan) -> str:
        return str(plan.slots["token_word"]) if actor.held == "token" else actor.held


def _actors(who: str) -> list[Actor]:
    """From "A:hold=token:surprised; B:stand:calm"."""
    actors = []
    for part in filter(None, who.split("; ")):
        role, verb, mood = part.split(":")
        verb, _, held = verb.partition("=")
        actors.append(Actor(role, verb, mood, held))
    return actors


def _is_empty(beat: Beat) -> bool:
    return not beat.actors
