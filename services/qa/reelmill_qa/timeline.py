"""The typed timeline that questions rest on: what the script brings, as far as its own sentences bear it out.

Where a script has no actions at all (a story that was imported) they are found in its sentences: by the
language model where there is one, and by rules else; what is found has to pass the same check.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from reelmill.v1 import script_pb2
from reelmill_kit.telemetry import logger
from reelmill_llm import Llm, Prompt, Usage

from .prompts import prompt_text
from .together import together

_FORMS = {
    "stand": "stand|stands|standing|stood",
    "sit": "sit|sits|sitting|sat|seated",
    "look": "look|looks|looking|looked|watch|watches|watching|watched|stare|stares|staring|gaze|gazes|gazing|"
    "sees|studies|examines|examining|glances|peers",
    "talk": "talk|talks|talking|talked|speak|speaks|speaking|says|tells|asks|whispers|answers|explains|"
    "argues|calls",
    "hold": "hold|holds|holding|held|carries|carry|carrying|clutches|clutching|grips|gripping|lifts",
    "squat": "squat|squats|squatting|squatted|crouch|crouches|crouching|kneel|kneels|kneeling",
    "walk": "walk|walks|walking|walked|strolls|strolling|steps|wanders|wandering|runs|running|marches",
    "hug": "hug|hugs|hugging|hugged|embrace|embraces|embracing",
}
_VERBS = {verb: re.compile(rf"\b(?:{forms})\b", re.IGNORECASE) for verb, forms in _FORMS.items()}
_FACES = re.compile(r"\b(happy|sad|angry|calm|afraid|surprised|worried|smiling|crying|tired|scared)\b")
_WORD = re.compile(r"\w+")


class Deed(BaseModel):
    frame: int
    character: Annotated[str, Field(max_length=100)]
    verb: Literal["stand", "sit", "look", "talk", "hold", "squat", "walk", "hug"]
    target: Annotated[str, Field(max_length=100)]
    expression: Annotated[str, Field(max_length=40)]


class Deeds(BaseModel):
    deeds: Annotated[list[Deed], Field(max_length=64)]


async def timeline(script: script_pb2.Script, seed: int, llm: Llm | None) -> tuple[script_pb2.Script, Usage]:
    """A copy of the script with the actions that hold. Raises ReelmillError with one of the LLM's reasons."""
    usage = Usage()
    if script.writer == "offline":
        return script, usage
    own = script_pb2.Script()
    own.CopyFrom(script)
    scenes = [scene for chapter in own.chapters for scene in chapter.scenes]
    names = [character.name for character in own.characters]
    if not any(frame.actions for scene in scenes for frame in scene.frames):
        if llm is None:
            for scene in scenes:
                for frame in scene.frames:
                    frame.actions.extend(by_rules(frame.description, names))
        else:
            spent: list[Usage] = []
            await together(_extract(scene, names, seed, llm, spent) for scene in scenes)
            for one in spent:
                usage += one
    unsupported = 0
    for scene in scenes:
        for frame in scene.frames:
            kept = [action for action in frame.actions if supported(action, frame.description, names)]
            unsupported += len(frame.actions) - len(kept)
            del frame.actions[:]
            frame.actions.extend(kept)
    if unsupported:
        logger().warning("actions that the frames' text does not bear out are not used", count=unsupported)
    return own, usage


def supported(action: script_pb2.Action, text: str, names: list[str]) -> bool:
    """Whether a frame's text names who does it, has the verb or one like it, and names the target."""
    verb = _VERBS.get(action.verb)
    if action.character not in names or verb is None or not _named(action.character, text):
        return False
    if not verb.search(text):
        return False
    if not action.target:
        return True
    if action.target in names:
        return _named(action.target, text)
    return set(_content(action.target)) <= set(_WORD.findall(text.lower()))


def by_rules(text: str, names: list[str]) -> list[script_pb2.Action]:
    """Actions of which each is told right after its character's name: "Mara hugs Tom", "Tom is sitting"."""
    found = []
    people = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    if not people:
        return []
    faces = set(_FACES.findall(text.lower()))
    several = sum(_named(name, text) for name in names) > 1
    for verb, forms in _FORMS.items():
        pattern = rf"\b({people}) (?:is |are )?(?:(?:slowly|quietly|gently) )?(?:{forms})\b(?P<rest>[^.;,]*)"
        for match in re.finditer(pattern, text):
            action = script_pb2.Action(
                character=match[1], verb=verb, target=_target(verb, match["rest"], people)
            )
            if len(faces) == 1 and not several:
                action.expression = next(iter(faces))
            found.append(action)
    return found


def _target(verb: str, rest: str, people: str) -> str:
    link = {"look": " at ", "talk": r" (?:to|with) ", "hold": " ", "hug": " "}.get(verb)
    if link is None:
        return ""
    if match := re.match(rf"{link}({people})\b", rest):
        return match[1]
    if verb in ("hold", "look") and (match := re.match(rf"{link}(?:an?|the|his|her|their) (\w+)$", rest)):
        return match[1]
    return ""


async def _extract(
    scene: script_pb2.Scene, names: list[str], seed: int, llm: Llm, spent: list[Usage]
) -> None:
    lines = [f"Characters: {', '.join(names)}"]
    lines += [f"Frame {frame.index}: {frame.description}" for frame in scene.frames]
    frames = {frame.index: frame for frame in scene.frames}

    def check(deeds: Deeds) -> None:
        if strangers := {deed.frame for deed in deeds.deeds} - set(frames):
            raise ValueError(f"there are no frames {sorted(strangers)}; use the numbers that were given")

    prompt = Prompt("scene-actions", prompt_text("actions"), "\n".join(lines), seed)
    answer = await llm.ask(prompt, Deeds, check)
    for deed in answer.value.deeds:
        frames[deed.frame].actions.add(
            character=deed.character, verb=deed.verb, target=deed.target, expression=deed.expression
        )
    spent.append(answer.usage)


def _named(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _content(target: str) -> list[str]:
    return [word for word in _WORD.findall(target.lower()) if word not in ("a", "an", "the", "his", "her")]
