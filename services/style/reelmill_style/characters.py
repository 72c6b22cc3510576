"""Characters to learn in a style: from which portraits, and by which digest each is learned once. Pure."""

import hashlib
import json
import random
import re
from dataclasses import dataclass

from reelmill.v1 import style_pb2
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.names import ProjectName
from reelmill_world import (
    HELD_OBJECTS,
    MOODS,
    PLACES,
    TIMES,
    VERBS,
    Appearance,
    Figure,
    SceneDescription,
    appearance_phrase,
    caption,
    with_article,
    without_article,
)

from .domain import TOKEN, Defaults

MOST = 8
_APPEARANCE_LENGTH = 200
_CHARACTER = re.compile(r"<character-\d{1,3}>")
_STYLE = re.compile(r"(projects/[^/]+)/styles/([0-9a-f]{64})")
_SEED_RANGE = 2**62
# Another number whenever the same inputs would give another embedding.
_METHOD = 1
_ANYBODY = Appearance("woman", "red")


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture of one character alone, drawn from its words and learned with its token in their place."""

    drawing_prompt: str
    learning_prompt: str
    seed: int


@dataclass(frozen=True, slots=True)
class Character:
    """Whom to learn, and how."""

    token: str
    appearance: str
    seed: int
    portraits: int
    steps: int
    batch_size: int

    @property
    def words(self) -> str:
        """The appearance without its article: what the token stands for."""
        return without_article(self.appearance)

    def digest(self, model_digest: str, style_digest: str) -> str:
        """sha256 in hex over everything that the token's vectors depend on; `style_digest`: of its file."""
        inputs = {
            "method": _METHOD,
            "model": model_digest,
            "style": style_digest,
            "token": self.token,
            "appearance": self.appearance,
            "steps": self.steps,
            "batch_size": self.batch_size,
            "portraits": [[p.drawing_prompt, p.learning_prompt, p.seed] for p in self.drawn_from()],
        }
        canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def drawn_from(self) -> list[Portrait]:
        """As many portraits as asked for, the same ones for the same seed.

        Places, hours, poses, moods and sides differ, so that the character is all they share.
        """
        rng = random.Random(f"{self.seed}/{self.token}")
        places = rng.sample(PLACES, len(PLACES))
        verbs = rng.sample([verb for verb in VERBS if verb != "hug"], len(VERBS) - 1)
        portraits = []
        for index in range(self.portraits):
            scene = _scene(places[index % len(places)], verbs[index % len(verbs)], rng)
            text = caption(scene, TOKEN)
            mood = scene.figures[0].mood
            looks, token = (
                with_article(who if mood == "calm" else f"{mood} {who}") for who in (self.words, self.token)
            )
            portraits.append(
                Portrait(_with(text, scene, looks), _with(text, scene, token), rng.randrange(_SEED_RANGE))
            )
        return portraits


def characters(message: style_pb2.LearnStyleRequest, defaults: Defaults) -> list[Character]:
    """Whom the request asks for. Raises INVALID_FIELD naming the field."""
    if len(message.characters) > MOST:
        raise invalid("characters", f"has {len(message.characters)} of them; at most {MOST} are allowed")
    found: dict[str, Character] = {}
    for index, look in enumerate(message.characters):
        field = f"characters[{index}]"
        if not _CHARACTER.fullmatch(look.token):
            raise invalid(
                f"{field}.token", f"{look.token[:40]!r} is not '<character-N>' with N of 1 to 3 digits"
            )
        if look.token in found:
            raise invalid(f"{field}.token", f"{look.token} is there twice")
        appearance = validation.text(look.appearance, f"{field}.appearance", _APPEARANCE_LENGTH)
        if "<" in appearance or not without_article(appearance):
            raise invalid(f"{field}.appearance", "is to be plain words, with no '<' in them")
        found[look.token] = Character(
            token=look.token,
            appearance=appearance,
            seed=message.seed,
            portraits=defaults.portraits,
            steps=defaults.character_steps,
            batch_size=defaults.batch_size,
        )
    return list(found.values())


def given_style(message: style_pb2.LearnStyleRequest, project: ProjectName) -> str:
    """The digest in `learned_style`. Raises INVALID_FIELD where it is none, or not all that is given."""
    name = message.learned_style
    if not (match := _STYLE.fullmatch(name)) or match[1] != str(project):
        raise invalid("learned_style", f"{name[:120]!r} is not '{project}/styles/{{style}}'")
    if message.HasField("style") or message.references:
        raise invalid("learned_style", "excludes style and references")
    return match[2]


def _scene(place: str, verb: str, rng: random.Random) -> SceneDescription:
    figure = Figure(
        _ANYBODY,
        verb=verb,
        mood=rng.choice(("calm", *MOODS)),
        side=rng.choice(("left", "centre", "right")),
        held=rng.choice(HELD_OBJECTS) if verb == "hold" else None,
    )
    return SceneDescription.of(
        place,
        time=rng.choice(TIMES),
        shot=rng.choice(("medium", "medium", "close")),
        figures=[figure],
    )


def _with(text: str, scene: SceneDescription, who: str) -> str:
    """The caption with somebody in the place of anybody."""
    mood = scene.figures[0].mood
    anybody = without_article(appearance_phrase(_ANYBODY))
    return text.replace(with_article(anybody if mood == "calm" else f"{mood} {anybody}"), who, 1)
