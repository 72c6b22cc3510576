"""Good answers to the script service's prompts: what a well-behaved model would say."""

import json
import random
import re
from typing import Any

VERBS = ("stand", "sit", "look", "talk", "hold", "squat", "walk", "hug")
# Words that the starter model has whole.
PLACES = ("harbour", "museum", "station", "market", "kitchen", "theatre")
PEOPLE = ("Mara", "Tomas", "Ilse")
THINGS = ("lamp", "flowers", "ball", "bag", "book", "bird", "chair", "clock", "crate", "letter")
COLOURS = ("blue", "brown", "green")  # theirs, in the same order
GARMENTS = ("coat", "suit", "shirt", "sweater", "dress")


def write(system: str, user: str) -> object:
    data = json.loads(user)
    if match := re.search(r'"themes": exactly (\d+)', system):
        return {"themes": [theme(genre, data["themes_written"]) for genre in data["genres"]][: int(match[1])]}
    if '"descriptions": exactly' in system:
        return {"descriptions": [shorter(one["text"]) for one in data["too_long"]]}
    if match := re.search(r'"frames": exactly (\d+)', system):
        return {"frames": frames(int(match[1]), data)}
    if match := re.search(r'"scenes": exactly (\d+)', system):
        return {"scenes": scenes(int(match[1]), data)}
    if match := re.search(r'"chapters": exactly (\d+) more', system):
        return {"chapters": chapters(int(match[1]), len(data["chapters"]))}
    match = re.search(r'"chapters": exactly (\d+)', system)
    assert match, system
    return outline(int(match[1]), data)


def outline(count: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": "The Letter in the Lamp",
        "overview": f"Mara reads a letter that was never sent. It began with: {data['theme'][:100]}",
        "style": {"keyword": "etching", "description": "fine lines, muted colours"},
        "locations": [{"name": place, "description": f"The {place} of the town."} for place in PLACES],
        "characters": [
            {
                "name": "Mara",
                "role": "main",
                "description": "She keeps the light.",
                "appearance": "a tall woman with red hair in a blue coat",
            },
            {
                "name": "Tomas",
                "role": "main",
                "description": "He carries the mail.",
                "appearance": "an old man with grey hair in a brown suit",
            },
            {
                "name": "Ilse",
                "role": "supporting",
                "description": "She knows more.",
                "appearance": "a small girl with black hair in a green dress",
            },
        ],
        "chapters": chapters(count, 0),
    }


def chapters(count: int, first: int) -> list[dict[str, Any]]:
    return [
        {
            "title": f"Chapter {first + i + 1}",
            "summary": f"Day {first + i + 1}: Mara and Tomas learn one thing more.",
            "locations": [PLACES[(first + i + k) % len(PLACES)] for k in range(2)],
            "changes": [
                {
                    "character": PEOPLE[(first + i) % 3],
                    "location": PLACES[(first + i) % len(PLACES)],
                    "wearing": f"a {COLOURS[(first + i) % 3]} {GARMENTS[(first + i) // 3 % len(GARMENTS)]}",
                    "learns": [f"what happened on day {first + i + 1}"],
                }
            ],
        }
        for i in range(count)
    ]


def scenes(count: int, data: dict[str, Any]) -> list[dict[str, Any]]:
    first = len(data["scenes_written"])
    places = data["chapter"]["locations"]
    return [
        {
            "title": f"{data['chapter']['title']}, scene {first + i + 1}",
            "summary": f"Scene {first + i + 1} of {data['chapter']['title']}: they go on.",
            "location": places[(first + i) % len(places)],
            "characters": PEOPLE,
            "follows_from": first + i,
            "because": "Mara wants to know more" if first + i else "the day before has ended",
            "changes": [
                {
                    "character": "Tomas",
                    "location": "",
                    "wearing": f"a brown {GARMENTS[(first + i) % len(GARMENTS)]}",
                    "learns": [f"the secret of scene {first + i + 1} of {data['chapter']['title']}"],
                }
            ],
        }
        for i in range(count)
    ]


def shorter(text: str) -> str:
    """Without what hangs on the sentence."""
    return text.split(" while ")[0]


def frames(count: int, data: dict[str, Any]) -> list[dict[str, Any]]:
    first = len(data["frames_written"])
    title = data["scene"]["title"]
    told = []
    for i in range(first, first + count):
        who, other = PEOPLE[i % 3], PEOPLE[(i + 1) % 3]
        verb = VERBS[i % len(VERBS)]
        told.append(
            {
                "description": f"{who} looking at {other} with {seen(i, title)}.",
                "time_of_day": "evening",
                "actions": [{"character": who, "verb": verb, "target": other, "expression": "happy"}],
                "dialogue": [{"speaker": other, "text": f"This is line {i}."}] if i % 2 == 0 else [],
            }
        )
    return told


def seen(number: int, title: str) -> str:
    """What no other frame shows."""
    rng = random.Random(f"{title} {number}")
    return ", ".join(f"{rng.randint(100, 999)} {rng.choice(THINGS)}" for _ in range(2))


def theme(genre: str, written: list[str]) -> str:
    """Another one each time."""
    rng = random.Random(f"{genre} {written} {random.random()}")
    words = " ".join(rng.choice(THINGS) for _ in range(8))
    return f"A keeper of the {rng.choice(PLACES)} has {rng.randint(1000, 9999)} {words}"
