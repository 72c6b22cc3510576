"""What is made for each item of a batch, and the batch as callers see it. Pure."""

import hashlib
from collections.abc import Sequence

from reelmill.v1 import movies_pb2
from reelmill_kit import genres

from .record import Batch, BatchRecord, Movie
from .shares import movie_budget

REPLACEMENTS = 3
"""Plots that are written for an item after its first one was dropped."""


def item_seed(batch_seed: int, index: int, attempt: int) -> int:
    """Each movie has a seed of its own that follows from the batch's; 0 to 2^53 - 1, exact in any JSON."""
    digest = hashlib.sha256(f"{batch_seed}/{index}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


def item_genres(record: BatchRecord) -> list[str]:
    """The genre of each item: the one asked for, or the paper's shares where themes are invented."""
    if record.batch.genre or not record.invented:
        return [record.batch.genre] * len(record.items)
    return genres.genres(len(record.items), record.batch.seed)


def item_theme(record: BatchRecord, index: int, themes: Sequence[str]) -> str:
    return record.items[index].theme or (themes[index % len(themes)] if themes else "")


def movie_of(record: BatchRecord, index: int, themes: Sequence[str]) -> movies_pb2.Movie:
    """What is asked for, for an item that has begun."""
    movie = Movie()
    movie.CopyFrom(record.batch.template)
    movie.theme, movie.genre = item_theme(record, index, themes), item_genres(record)[index]
    movie.seed = item_seed(record.batch.seed, index, record.items[index].begun - 1)
    if (limit := movie_budget(record, index)) is not None:
        movie.budget.CopyFrom(limit)
    return movie


def frames_of_one(record: BatchRecord) -> int:
    """Of each of its movies."""
    shape = record.batch.template.shape
    return shape.chapters * shape.scenes * shape.frames


def message(record: BatchRecord, themes: Sequence[str]) -> movies_pb2.Batch:
    """The batch as callers see it whole."""
    batch = Batch()
    batch.CopyFrom(record.batch)
    batch.themes.extend(themes)
    chosen = item_genres(record)
    for index, item in enumerate(record.items):
        begun = item.begun > len(item.dropped)
        batch.items.add(
            index=index,
            theme=item_theme(record, index, themes),
            genre=chosen[index],
            seed=item_seed(batch.seed, index, item.begun - 1 if begun else min(item.begun, REPLACEMENTS)),
            movie=str(record.movie(index)) if begun else "",
            state=item.state,
            dropped=[
                movies_pb2.DroppedPlot(
                    movie=str(record.name.movie(index, attempt)), like=like, likeness_percent=percent
                )
                for attempt, (like, percent) in enumerate(item.dropped)
            ],
        )
    return batch
