"""Whether a movie's characters can be told from each other: by descriptions, and by learned tokens.

    make bench-characters       (or: python -m tests.bench.characters --movies 2 --count 24 --sheet cast.png)

The offline writer casts movies, each with three characters and a style of its own; the style stage learns the
style, then a token for each main character, just as it does for a movie. Frames with two of the three, in any
place, pose, mood, light and weather, are drawn twice from the same seeds: with the characters' descriptions
in the prompt and with their tokens. Our judge, trained apart from the model, says of the left and of the
right figure how likely each colour, garment, hair, kind and build is; each side is given the name of the
character whose five together are the likeliest. By chance one frame in nine would be right.

As in bench-frames, the movies are drawn in named styles in which cloth keeps its colour (`COLOUR_KEEPING`);
with --own-styles each is in the style that the writer chooses for it, noir and sepia among them, where a
judge has less to go by.

The last line is one JSON object. In it, for `descriptions`, `learned_tokens` and `drawings` (real drawings of
the same frames, which is what the judge can tell at best):

- `right_character`: the share of frames in which both figures are named right;
- `right_figure`: the share of figures;
- `right_main`: of those, the figures that have a learned token.

`learned_tokens` is left out with --without-learning.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from reelmill.v1 import script_pb2, style_pb2
from reelmill_diffusion import TOKEN, DiffusionModel, Drawing, StyleEmbedding, draw
from reelmill_judge import FactJudge, load_judge
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_movies.characters import looks, with_tokens
from reelmill_starter.drawing import draw as draw_really
from reelmill_starter.judging.pictures import COLOUR_KEEPING
from reelmill_starter.training.samples import sheet
from reelmill_style.diffusion import DiffusionLearner
from reelmill_style.domain import Defaults
from reelmill_style.settings import StyleSettings
from reelmill_style.stage import StyleStage
from reelmill_world import Appearance, caption
from tests.bench.casts import Cast, casts

STARTER: Final = Path("services/render/starter")
GOAL: Final = 0.85
BATCH: Final = 8
FACTS: Final = ("colour", "garment", "hair", "kind", "build")
SIDES: Final = (1, 2)
Pixels = NDArray[np.uint8]
console = Console(highlight=False)


@dataclass(slots=True)
class Found:
    """Of figures in frames of two: whom the judge named, who was right, and who is a main character."""

    named: list[tuple[int, int]] = field(default_factory=list)
    right: list[tuple[int, int]] = field(default_factory=list)
    main: list[tuple[bool, bool]] = field(default_factory=list)

    def add(self, judge: FactJudge, cast: Cast, pixels: Pixels) -> None:
        """Judges a movie's frames (N, H, W, 3)."""
        left, right = (names(judge, pixels, side, cast.looks) for side in SIDES)
        self.named += list(zip(left, right, strict=True))
        self.right += cast.pairs
        learned = [one.role == script_pb2.Character.ROLE_MAIN for one in cast.characters]
        self.main += [(learned[left], learned[right]) for left, right in cast.pairs]

    def shares(self) -> dict[str, float]:
        hits = np.array(self.named) == np.array(self.right)
        return {
            "right_character": round(float(hits.all(axis=1).mean()), 4),
            "right_figure": round(float(hits.mean()), 4),
            "right_main": round(float(hits[np.array(self.main)].mean()), 4),
        }


def names(judge: FactJudge, pixels: Pixels, side: int, cast: Sequence[Appearance]) -> list[int]:
    """Who of the cast stands on a side of each picture: 1 is left, 2 is right."""
    beliefs = judge.beliefs(pixels)
    likely = np.zeros((len(pixels), len(cast)))
    for fact in FACTS:
        question = f"{fact} {side}"
        answers = [judge.questions[question].index(getattr(look, fact)) for look in cast]
        likely += np.log(beliefs[question][:, answers] + 1e-9)
    return [int(who) for who in likely.argmax(axis=1)]


class Movie:
    """A cast with its learned style; frames are drawn with descriptions or, once learned, with tokens."""

    def __init__(self, model: DiffusionModel, stage: StyleStage, cast: Cast, seed: int) -> None:
        self._model, self._stage, self._cast, self._seed = model, stage, cast, seed
        script = script_pb2.Script(style=cast.style, characters=cast.characters)
        self._looks = looks(script)

    async def learn(self, *, characters: bool) -> StyleEmbedding:
        """The embedding file that the style stage makes for the movie."""
        request = style_pb2.LearnStyleRequest(
            parent="projects/bench",
            style=self._cast.style,
            seed=self._seed,
            characters=self._looks if characters else [],
        )
        return StyleEmbedding.from_bytes((await self._stage.run(request, silent)).embedding)

    def frames(self, style: StyleEmbedding) -> Pixels:
        """The frames, with tokens for whoever has one in `style`."""
        tokens = {look.token: look.appearance for look in self._looks if look.token in style.tokens}
        drawings = [
            Drawing(
                prompt=with_tokens(caption(scene, TOKEN), tokens), seed=self._seed * 1000 + n, style=style
            )
            for n, scene in enumerate(self._cast.scenes)
        ]
        images: list[Pixels] = []
        for first in range(0, len(drawings), BATCH):
            images += [i for i in draw(self._model, drawings[first : first + BATCH]) if i is not None]
        return np.stack(images)

    def real(self, size: int) -> Pixels:
        """Real drawings of the same scenes in the same style."""
        drawn = [
            draw_really(scene, self._cast.style_vector, seed=n, size=size).pixels
            for n, scene in enumerate(self._cast.scenes)
        ]
        return np.stack(drawn)


def open_stage(directory: Path) -> StyleStage:
    """The style stage as the service runs it, on a store in memory."""
    settings = StyleSettings(diffusion_model=directory)
    learner = DiffusionLearner(directory, device="auto", dtype="auto", threads=settings.torch_threads)
    defaults = Defaults(
        steps=settings.style_steps,
        vectors=settings.style_vectors,
        references=settings.style_references,
        batch_size=settings.style_batch_size,
        portraits=settings.character_portraits,
        character_steps=settings.character_steps,
    )
    return StyleStage(MemoryStore(), learner, defaults)


async def measure(
    judge: FactJudge, directory: Path, movies: Sequence[Cast], *, learning: bool
) -> tuple[dict[str, Found], list[Pixels], str]:
    """What was found, rows of pictures to look at, and the model's digest."""
    model, stage = DiffusionModel.load(directory), open_stage(directory)
    kinds = ["drawings", "descriptions", *(["learned_tokens"] if learning else [])]
    found = {kind: Found() for kind in kinds}
    rows: list[Pixels] = []
    for number, cast in enumerate(movies):
        movie = Movie(model, stage, cast, number)
        with console.status(f"movie {number + 1} of {len(movies)}, in {cast.style.keyword}"):
            drawn = {
                "drawings": movie.real(model.defaults.width),
                "descriptions": movie.frames(await movie.learn(characters=False)),
            }
            if learning:
                drawn["learned_tokens"] = movie.frames(await movie.learn(characters=True))
            own = {kind: Found() for kind in kinds}
            for kind, pixels in drawn.items():
                found[kind].add(judge, cast, pixels)
                own[kind].add(judge, cast, pixels)
                rows.append(pixels[:BATCH])
        shares = ", ".join(f"{kind} {own[kind].shares()['right_character']:.2f}" for kind in kinds)
        console.print(f"{cast.style.keyword}: {shares}")
    return found, rows, model.digest


def report(found: dict[str, Found]) -> None:
    table = Table("", "right in both figures", "figures", "main characters' figures")
    for kind, one in found.items():
        table.add_row(kind, *(f"{value:.3f}" for value in one.shares().values()))
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Whether a movie's characters can be told from each other")
    parser.add_argument("--movies", type=int, default=5)
    parser.add_argument("--count", type=int, default=100, help="frames, over all movies")
    parser.add_argument("--own-styles", action="store_true", help="styles as the writer chooses them")
    parser.add_argument("--without-learning", action="store_true", help="descriptions alone")
    parser.add_argument("--model", type=Path, default=STARTER / "model", help="diffusers directory")
    parser.add_argument(
        "--judge", type=Path, default=STARTER / "judge", help="a judge that answers with facts"
    )
    parser.add_argument("--sheet", type=Path, help="PNG to write: drawings, descriptions, learned tokens")
    options = parser.parse_args()
    judge = load_judge(options.judge)
    if not isinstance(judge, FactJudge):
        parser.error(f"{options.judge}: this judge embeds pictures and answers no questions; use our own")
    if not 1 <= options.movies <= options.count:
        parser.error("--count: every movie needs a frame")
    styles = () if options.own_styles else COLOUR_KEEPING[1:]
    movies = casts(options.movies, options.count // options.movies, styles)
    found, rows, model_digest = asyncio.run(
        measure(judge, options.model, movies, learning=not options.without_learning)
    )
    report(found)
    if options.sheet:
        sheet([picture for row in rows for picture in row], BATCH).save(options.sheet)
    figures = {
        **{kind: one.shares() for kind, one in found.items()},
        "goal": GOAL,
        "styles": [cast.style.keyword for cast in movies],
        "movies": len(movies),
        "frames": sum(len(cast.scenes) for cast in movies),
        "model_digest": model_digest,
        "judge_digest": judge.digest,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
