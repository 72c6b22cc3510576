"""Who is next when many wait for few places. Pure."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_EQUAL: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A movie that waits to have jobs queued, and what of its jobs workers have not finished yet."""

    project: str
    movie: str
    queued: int
    since: int = 0
    """The smaller, the longer; any unit."""


def share_out(
    waiting: Iterable[Waiting],
    queued: Mapping[str, int],
    room: int,
    weights: Mapping[str, float] = _EQUAL,
) -> dict[tuple[str, str], int]:
    """How many jobs each waiting movie may queue, by project and movie, `room` in all.

    Place by place, to the project that has the least for its weight (1 where none is given), and within it
    to the movie that has the least, the oldest first: weighted max-min fairness. A project that has just come
    is served before those that have much queued.

    `queued`: jobs that workers have not finished, by project, those of movies that wait for nothing included.
    """
    movies: dict[str, list[tuple[int, int, str]]] = {}
    for one in waiting:
        movies.setdefault(one.project, []).append((one.queued, one.since, one.movie))
    for heap in movies.values():
        heapq.heapify(heap)
    projects = [(queued.get(project, 0) / weights.get(project, 1.0), project) for project in movies]
    heapq.heapify(projects)
    granted: dict[tuple[str, str], int] = {}
    for _ in range(room if projects else 0):
        load, project = projects[0]
        count, since, movie = movies[project][0]
        granted[project, movie] = granted.get((project, movie), 0) + 1
        heapq.heapreplace(movies[project], (count + 1, since, movie))
        heapq.heapreplace(projects, (load + 1 / weights.get(project, 1.0), project))
    return granted
