"""Scripts to ask about: one written by hand, and ones thrown by dice with many repetitions."""

import random

from reelmill.v1 import script_pb2

Shot = tuple[str, str, list[tuple[str, str, str, str]], list[tuple[str, str]]]

_WORDS = {
    "stand": "stands",
    "sit": "sits",
    "squat": "squats down",
    "walk": "walks",
    "look": "looks at",
    "talk": "talks to",
    "hold": "holds a",
    "hug": "hugs",
}


def frame(index: int, place: str, time: str, actions: list[tuple[str, str, str, str]]) -> script_pb2.Frame:
    """`actions`: character, verb, target, expression."""
    told = " and ".join(f"{who} {_WORDS[verb]} {target}".strip() for who, verb, target, _ in actions)
    return script_pb2.Frame(
        index=index,
        description=f"In the {place}, {told}.",
        prompt=f"a picture of the {place}, in <style> style",
        location=place,
        time_of_day=time,
        actions=[
            script_pb2.Action(character=who, verb=verb, target=target, expression=face)
            for who, verb, target, face in actions
        ],
    )


def lighthouse() -> script_pb2.Script:
    """Two chapters of two scenes of three frames. Mara looks at Tom twice in chapter 1."""
    shots: list[list[list[Shot]]] = [
        [
            [
                ("harbour", "morning", [("Mara", "stand", "", "calm")], []),
                (
                    "harbour",
                    "morning",
                    [("Mara", "hold", "letter", "surprised")],
                    [("Mara", "The lamp is out.")],
                ),
                ("harbour", "day", [("Tom", "walk", "", "happy"), ("Mara", "look", "Tom", "calm")], []),
            ],
            [
                ("kitchen", "evening", [("Tom", "sit", "", "calm")], []),
                (
                    "kitchen",
                    "evening",
                    [("Mara", "talk", "Tom", "sad")],
                    [("Mara", "Will you help me?"), ("Tom", "I will.")],
                ),
                ("kitchen", "night", [("Mara", "look", "Tom", "happy")], []),
            ],
        ],
        [
            [
                ("forest", "night", [("Mara", "walk", "", "afraid")], []),
                ("forest", "night", [("Tom", "hold", "lantern", "calm")], []),
                ("forest", "night", [("Mara", "hug", "Tom", "happy")], []),
            ],
            [
                ("harbour", "morning", [("Tom", "squat", "", "sad")], []),
                ("harbour", "morning", [("Mara", "hold", "lantern", "happy")], [("Mara", "It burns again!")]),
                ("harbour", "morning", [("Tom", "hug", "Mara", "happy")], []),
            ],
        ],
    ]
    script = script_pb2.Script(
        title="The Lamp",
        overview="Mara keeps the light of a small harbour. When the lamp goes out, she asks Tom for help. "
        "They sail to the moon with Zed.",
        characters=[
            script_pb2.Character(
                name="Mara", role=script_pb2.Character.ROLE_MAIN, description="a lighthouse keeper"
            ),
            script_pb2.Character(name="Tom", role=script_pb2.Character.ROLE_MAIN, description="her brother"),
            script_pb2.Character(
                name="Zed", role=script_pb2.Character.ROLE_SUPPORTING, description="a sailor"
            ),
        ],
        locations=[script_pb2.Location(name=name) for name in ("harbour", "kitchen", "forest")],
    )
    summaries = ["Mara leaves the harbour because the lamp is out.", "Mara and Tom bring a lantern home."]
    number = 0
    for c, chapter_shots in enumerate(shots):
        chapter = script.chapters.add(index=c, title=("The Letter", "The Way Home")[c], summary=summaries[c])
        for s, scene_shots in enumerate(chapter_shots):
            scene = chapter.scenes.add(
                index=s, title=f"Part {s + 1}", summary="Mara and Tom think of the lamp."
            )
            scene.location = scene_shots[0][0]
            for place, time, actions, lines in scene_shots:
                one = frame(number, place, time, actions)
                one.dialogue.extend(script_pb2.DialogueLine(speaker=who, text=text) for who, text in lines)
                scene.frames.append(one)
                number += 1
    return script


def thrown(seed: int, chapters: int = 3, scenes: int = 3, frames: int = 3) -> script_pb2.Script:
    """Few verbs and places, so that the same thing happens again and again."""
    dice = random.Random(seed)
    people = ["Ana", "Ben", "Cleo"]
    places = ["kitchen", "beach", "street"]
    script = script_pb2.Script(title=f"Story {seed}", overview="Ana and Ben meet Cleo.")
    for name in people:
        script.characters.add(name=name, role=script_pb2.Character.ROLE_MAIN, description=f"{name} is kind")
    number = 0
    for c in range(chapters):
        chapter = script.chapters.add(index=c, title=f"Chapter title {c}", summary="Ana meets Ben.")
        for s in range(scenes):
            place = dice.choice(places)
            scene = chapter.scenes.add(index=s, title="Again", summary="They meet.", location=place)
            for _ in range(frames):
                actions = []
                for who in dice.sample(people, dice.choice((1, 1, 2))):
                    verb = dice.choice(list(_WORDS))
                    other = dice.choice([name for name in people if name != who])
                    target = {
                        "look": other,
                        "talk": other,
                        "hug": other,
                        "hold": dice.choice(["book", "cup"]),
                    }
                    actions.append((who, verb, target.get(verb, ""), dice.choice(["calm", "happy", "sad"])))
                scene.frames.append(frame(number, place, dice.choice(["morning", "night"]), actions))
                number += 1
    return script
