"""What a style is learned from, and its digest: the same style is learned once. Pure: no I/O."""

import hashlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reelmill.v1 import script_pb2, style_pb2
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.names import MovieName, ProjectName
from reelmill_world import PLACES, caption, random_scene

TOKEN = "<style>"  # noqa: S105
_GIVEN_PROMPTS = (f"a picture in {TOKEN} style", f"a scene in {TOKEN} style", f"a view, in {TOKEN} style")
_CAPTION_LENGTH = 500
_SEED_RANGE = 2**62
# Another number whenever the same inputs would give another embedding.
_METHOD = 3


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the service does where a request says nothing."""

    steps: int
    vectors: int
    references: int
    batch_size: int = 4
    portraits: int = 10
    character_steps: int = 60


@dataclass(frozen=True, slots=True)
class StyleRequest:
    """A request with everything checked and filled in; options as in `reelmill.v1.StyleOptions`."""

    project: ProjectName
    keyword: str
    description: str
    seed: int
    steps: int
    vectors: int
    references: int
    batch_size: int
    captions: tuple[str, ...] = ()
    """What is on each given reference; "" where nobody says."""

    @classmethod
    def parse(cls, message: style_pb2.LearnStyleRequest, defaults: Defaults) -> "StyleRequest":
        """Raises INVALID_FIELD naming the field. The images themselves are not looked at."""
        project = ProjectName.parse(message.parent, "parent")
        if message.movie and MovieName.parse(message.movie, "movie").project != project.project:
            raise invalid("movie", f"does not belong to {message.parent}")
        text = validation.style(message.style, "style")
        if text is None and not message.references:
            raise invalid("style.keyword", "is empty; name the style in a word or two, or give references")
        options = validation.style_options(message.options, "options")
        if len(message.references) > validation.REFERENCES_LIMIT:
            most = validation.REFERENCES_LIMIT
            raise invalid("references", f"has {len(message.references)} images; at most {most} are allowed")
        captions = []
        for index, reference in enumerate(message.references):
            field = f"references[{index}]"
            _check_source(reference, project, field)
            captions.append(
                validation.text(reference.caption, f"{field}.caption", _CAPTION_LENGTH, empty=True)
            )
        return cls(
            project=project,
            keyword=text.keyword if text else "",
            description=text.description if text else "",
            seed=message.seed,
            steps=options.steps or defaults.steps,
            vectors=options.vectors or defaults.vectors,
            references=len(message.references) or options.references or defaults.references,
            batch_size=defaults.batch_size,
            captions=tuple(captions),
        )

    @property
    def text(self) -> str:
        """The style in words: keyword, then description."""
        return ", ".join(part for part in (self.keyword, self.description) if part)

    def proto_text(self) -> script_pb2.StyleText:
        return script_pb2.StyleText(keyword=self.keyword, description=self.description)

    def digest(self, model_digest: str, references: "Sequence[DrawnReference | GivenReference]") -> str:
        """sha256 in hex over everything the embedding depends on."""
        canonical = json.dumps(
            {
                "method": _METHOD,
                "model": model_digest,
                "text": self.text,
                "seed": self.seed,
                "steps": self.steps,
                "vectors": self.vectors,
                "batch_size": self.batch_size,
                "references": [reference.identity for reference in references],
            },
            sort_keys=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class DrawnReference:
    """A reference that the diffusion model draws from the style text."""

    drawing_prompt: str
    learning_prompt: str
    """The same with `<style>` in place of the style's words."""
    seed: int

    @property
    def identity(self) -> list[str | int]:
        return ["drawn", self.drawing_prompt, self.learning_prompt, self.seed]


@dataclass(frozen=True, slots=True)
class GivenReference:
    """A reference image that came with the request, and what it says is on it, if anything."""

    image: bytes
    learning_prompt: str

    @property
    def identity(self) -> list[str | int]:
        return ["given", hashlib.sha256(self.image).hexdigest(), self.learning_prompt]


def references_to_draw(request: StyleRequest) -> list[DrawnReference]:
    """Different places and people, as many as asked for, the same ones for the same seed.

    What is on them differs so that the style is all they share (MovieLLM, section 3.2: style text x places).
    """
    rng = random.Random(request.seed)
    places = rng.sample(PLACES, len(PLACES))
    style = re.sub(r"\s*[,;]\s*", " ", request.text.replace(TOKEN, "style"))
    references = []
    for index in range(request.references):
        scene = replace(random_scene(rng), place=places[index % len(places)])
        seed = rng.randrange(_SEED_RANGE)
        references.append(DrawnReference(caption(scene, style), caption(scene, TOKEN), seed))
    return references


def references_given(images: Sequence[bytes], captions: Sequence[str] = ()) -> list[GivenReference]:
    """`captions`: one an image, "" where nobody says what is on it; or none at all."""
    captions = captions or [""] * len(images)
    return [
        GivenReference(image, _learning_prompt(caption, index))
        for index, (image, caption) in enumerate(zip(images, captions, strict=True))
    ]


def _learning_prompt(caption: str, index: int) -> str:
    if not caption:
        return _GIVEN_PROMPTS[index % len(_GIVEN_PROMPTS)]
    return caption if TOKEN in caption else f"{caption}, in {TOKEN} style"


def _check_source(reference: style_pb2.ReferenceImage, project: ProjectName, field: str) -> None:
    source = reference.WhichOneof("source")
    if source is None:
        raise invalid(field, "is empty; give the image as content, or the key of an object")
    parts = reference.key.split("/")
    if source == "key" and (parts[:2] != str(project).split("/") or len(parts) < 3 or ".." in parts):
        raise invalid(f"{field}.key", f"does not begin with '{project}/', the project's part of the store")
