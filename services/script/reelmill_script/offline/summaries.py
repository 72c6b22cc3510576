"""Titles, summaries and the overview: the levels above the frames."""

import random

from reelmill_world import with_article

from .plot import ChapterPlan, Plot, ScenePlan, Slots, weather_texts
from .states import clothes
from .texts import capital, fill, joined, load, title_case

_CHAPTER_TITLES = {
    "whole": ("The {token_word} and the {key}",),
    "setup": ("The {token_word}", "How it began", "A {token_word} of {O.poss}"),
    "search": (
        "The way {to_x}",
        "What the {x} knew",
        "From the {x} to the {y}",
        "Questions {at_x}",
        "A night and a day",
    ),
    "crisis": ("Without the {token_word}", "The lowest point", "Everything lost"),
    "ending": ("The truth {at_key}", "What {C} kept"),
    "final": ("What {C} kept", "The truth {at_key}", "{A} and {C}"),
}


def movie_title(plot: Plot, rng: random.Random) -> str:
    template = rng.choice(load("premises")[plot.premise]["titles"])
    return title_case(fill(template, _title_slots(plot.slots)))


def chapter_titles(plot: Plot, rng: random.Random) -> list[str]:
    """A title for each chapter, no two alike."""
    titles: list[str] = []
    for chapter in plot.chapters:
        places = [scene.place for scene in chapter.scenes]
        first, last = places[0], places[-1]
        slots = _title_slots(chapter.slots) | {
            "x": first.title,
            "to_x": first.slots()["to"],
            "at_x": first.slots()["at"],
            "y": last.title,
        }
        variants = rng.sample(_CHAPTER_TITLES[chapter.kind], len(_CHAPTER_TITLES[chapter.kind]))
        if first is last or first.name == last.name:
            variants = [variant for variant in variants if "{y}" not in variant]
        made = [title_case(fill(variant, slots)) for variant in variants]
        title = next(
            (t for t in made if t not in titles), f"{made[0]}, Day {chapter.scenes[0].moment.day + 1}"
        )
        titles.append(title if title not in titles else f"{title} ({len(titles) + 1})")
    return titles


def scene_title(scene: ScenePlan, taken: set[str], rng: random.Random) -> str:
    """A title that no other scene has; `taken` learns it."""
    entry = load("scenes")[scene.kind]
    slots = _title_slots(scene.slots)
    variants = rng.sample(entry["titles"], len(entry["titles"]))
    made = [title_case(fill(variant, slots)) for variant in variants if "{W}" not in variant or "W" in slots]
    place = title_case(slots["at"])
    made += [
        f"{title}, {place[0].lower()}{place[1:]}" for title in made if place.lower() not in title.lower()
    ]
    made += [f"{title}, {scene.moment.when}" for title in made]
    title = next((t for t in made if t not in taken), f"{made[0]}, Day {scene.moment.day + 1}")
    taken.add(title)
    return title


def scene_summary(scene: ScenePlan, taken: set[str], rng: random.Random) -> str:
    """When, why, who, where, and what came of it; `taken` learns it."""
    variants = [
        variant
        for variant in load("scenes")[scene.kind]["summary"]
        if "{W" not in variant or "W" in scene.slots
    ]
    lead = f" {scene.lead}" if scene.lead else ""
    told = [
        f"{scene.moment.when},{lead} {fill(variant, scene.slots)}"
        for variant in rng.sample(variants, len(variants))
    ]
    sky = rng.choice(weather_texts("sky", scene))
    told += [f"{told[0]} {sky} all the while, over {detail}." for detail in scene.place.details]
    if scene.changed:
        into = [f"{person.name} into {clothes(person)}" for person in scene.changed]
        into[0] = into[0].replace(" into ", " has changed into ", 1)
        told = [f"{text} {joined(into)}." for text in told]
    summary = next((text for text in told if text not in taken), told[-1])
    taken.add(summary)
    return summary


def chapter_summary(chapter: ChapterPlan) -> str:
    slots = chapter.slots
    kinds = {scene.kind for scene in chapter.scenes}
    told: list[str] = []
    if "find" in kinds:
        told.append("{A} comes upon {a_token} that belonged to {O}. {Cause}.")
    if kinds & {"show", "decide"}:
        told.append("Together with {B}, {A} means to {goal}, {stake}.")
    if "warn" in kinds:
        told.append("{C} warns against it and will not say why.")
    if chapter.kind in ("search", "crisis"):
        ways = list(dict.fromkeys(scene.place.slots()["to"] for scene in chapter.scenes))
        led = joined(ways[:3])
        told.append(f"{{A}} and {{B}} want to know {{question}}, and that leads them {led}.")
    if "quarrel" in kinds:
        told.append("They quarrel on the way and make it up again.")
    if "discover" in kinds:
        told.append("At last they learn that {fact}.")
    if "loss" in kinds:
        told.append("Then {token} is gone, and {C} with it.")
    if "push" in kinds:
        told.append("{B} will not let it end there.")
    if "reveal" in kinds:
        told.append("{C} says what nobody had said: {truth}.")
    if kinds & {"farewell", "give"}:
        told.append("In the end {ending}.")
    return fill(" ".join(told), slots)


def overview(plot: Plot, theme: str) -> str:
    """The whole story in one paragraph, beginning with the theme where that can be read aloud."""
    places = list(dict.fromkeys(s.place.the for chapter in plot.chapters for s in chapter.scenes))
    told = []
    if len(theme) <= 200:
        told.append(capital(theme if theme.endswith((".", "!", "?")) else f"{theme}."))
    kind = capital(with_article(plot.label))
    told.append(f"{kind} about {{A}}, {{A.role}} {{A.trait}}, who comes upon {{a_token}} with {{hook}}.")
    told.append("{Cause}.")
    if len(plot.chapters) > 1:
        told.append("With {B}, {B.role} {B.trait}, {A} sets out to {goal}, {stake}.")
        if len(places) > 2:
            told.append(f"The trail leads by way of {joined(places[1:5])}.")
    told.append("Only {C}, {C.role} {C.trait}, could have told them the truth: {truth}.")
    told.append("In the end {ending}, and {A} learns {lesson}.")
    return fill(" ".join(told), plot.slots)


def _title_slots(slots: Slots) -> Slots:
    word = str(slots["token_word"])
    return {
        **slots,
        "Token": word.capitalize(),
        "In": slots.get("at", ""),
        "To": slots.get("to", ""),
        "Key": slots["key"],
    }
