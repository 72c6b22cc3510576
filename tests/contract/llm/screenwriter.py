"""Good answers to the script service's prompts: what a well-behaved model would say."""

import json
import re
from typing import Any

VERBS = ("stand", "sit", "look", "talk", "hold", "squat", "walk", "hug")
PLACES = ("harbour", "old mill", "station", "market", "kitchen", "school")
PEOPLE = ("Mara", "Tomas", "Ilse")


def write(system: str, user: str) -> object:
    data = json.loads(user)
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
        }
        for i in range(count)
    ]


def frames(count: int, data: dict[str, Any]) -> list[dict[str, Any]]:
    first, place = len(data["frames_written"]), data["scene"]["location"]
    title = data["scene"]["title"]
    told = []
    for i in range(first, first + count):
        who, other = PEOPLE[i % 3], PEOPLE[(i + 1) % 3]
        verb = VERBS[i % len(VERBS)]
        told.append(
            {
                "description": f"{title}: at the {place}, {who} meets {other}, number {i}.",
                "time_of_day": "evening",
                "actions": [{"character": who, "verb": verb, "target": other, "expression": "happy"}],
                "dialogue": [{"speaker": other, "text": f"This is line {i}."}] if i % 2 == 0 else [],
            }
        )
    return told
