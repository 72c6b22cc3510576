"""What the stages are asked to do for a movie. Pure: the same record and script give the same jobs."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from reelmill.v1 import common_pb2, events_pb2, render_pb2, script_pb2, style_pb2
from reelmill_kit.names import STAGE_NAMES, Stage

from . import characters
from .domain import Record, budget_left

_NOBODY: Mapping[str, str] = MappingProxyType({})


def frame_seed(movie_seed: int, index: int) -> int:
    """Each frame has a seed of its own that follows from the movie's; 0 to 2^31 - 1."""
    digest = hashlib.sha256(f"{movie_seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def frame_job(
    record: Record, frame: script_pb2.Frame, tokens: Mapping[str, str] = _NOBODY
) -> events_pb2.StageJob:
    """The job that draws one frame. `tokens`: appearances by the learned tokens that stand for them."""
    movie = record.movie
    prompt = characters.with_tokens(frame.prompt, tokens)
    request = render_pb2.RenderFramesRequest(
        movie=movie.name,
        frames=[
            render_pb2.FrameRequest(
                index=frame.index,
                prompt=prompt,
                judged_prompt=frame.prompt if prompt != frame.prompt else "",
                negative_prompt=movie.negative_prompt,
                seed=frame_seed(movie.seed, frame.index),
            )
        ],
        style=render_pb2.StyleEmbedding(
            key=record.style_key, digest=record.style_digest, reference_keys=record.reference_keys
        ),
        drawing=movie.drawing,
        gate=movie.gate if movie.HasField("gate") else None,
    )
    return events_pb2.StageJob(movie=movie.name, run=record.run, render=request)


def stage_job(
    record: Record, stage: Stage, script: script_pb2.Script | None, cost_left: int | None = None
) -> events_pb2.StageJob:
    """The job of any stage but rendering. Style needs the script, which says what the style is.

    `cost_left`: millionths of the currency that the project may still spend; None: as much as it likes.
    """
    movie = record.movie
    job = events_pb2.StageJob(movie=movie.name, run=record.run)
    if stage == common_pb2.STAGE_SCRIPT:
        job.script.movie, job.script.theme, job.script.seed = movie.name, movie.theme, movie.seed
        job.script.genre, job.script.story_key = movie.genre, movie.story_key
        job.script.shape.CopyFrom(movie.shape)
        job.script.style.CopyFrom(movie.style)
        job.script.budget.CopyFrom(budget_left(record, stage, cost_left))
    elif stage == common_pb2.STAGE_STYLE:
        if script is None:
            raise ValueError("the style job needs the script")
        job.style.parent = f"projects/{record.name.project}"
        job.style.movie, job.style.seed = movie.name, movie.seed
        job.style.options.CopyFrom(movie.style_options)
        if movie.learned_style:
            job.style.learned_style = movie.learned_style
        else:
            job.style.style.CopyFrom(script.style)
            job.style.references.extend(style_pb2.ReferenceImage(key=key) for key in movie.reference_keys)
        if characters.are_learned(movie):
            job.style.characters.extend(characters.looks(script))
    elif stage == common_pb2.STAGE_QA:
        job.qa.movie, job.qa.seed = movie.name, movie.seed
        job.qa.budget.CopyFrom(budget_left(record, stage, cost_left))
    elif stage == common_pb2.STAGE_DATASET:
        job.dataset.movie = movie.name
    else:
        raise ValueError(f"no single job makes stage {STAGE_NAMES[stage]}")
    return job
