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
    priority: int = 0
    """Within the project: who has a higher one is served first."""


class Turns:
    """Whose turn it is among projects that have equally much queued: whoever has been served least.

    Start-time fair queueing (Goyal, Vin and Cheng, 1996): serving a project takes one over its weight of its
    own time, and one that has had nothing to ask for neither saves up nor owes.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._next: dict[str, float] = {}

    def of(self, project: str) -> float:
        return max(self._now, self._next.get(project, 0.0))

    def served(self, project: str, weight: float) -> None:
        start = self.of(project)
        self._next[project] = start + 1 / weight
        self._now = start
        self._next = {name: time for name, time in self._next.items() if time > start}


def share_out(
    waiting: Iterable[Waiting],
    queued: Mapping[str, int],
    room: int,
    weights: Mapping[str, float] = _EQUAL,
    turns: Turns | None = None,
) -> dict[tuple[str, str], int]:
    """How many jobs each waiting movie may queue, by project and movie, `room` in all.

    Place by place, to the project that has the least for its weight (1 where none is given), and within it
    to the movies of the highest priority, of those to the one that has the least, the oldest first: weighted
    max-min fairness. A project that has just come
    is served before those that have much queued. Where several have equally little, `turns` says who is next,
    and remembers it.

    `queued`: jobs that workers have not finished, by project, those of movies that wait for nothing included.
    """
    movies: dict[str, list[tuple[int, int, int, str]]] = {}
    for one in waiting:
        movies.setdefault(one.project, []).append((-one.priority, one.queued, one.since, one.movie))
    for heap in movies.values():
        heapq.heapify(heap)
    turns = turns or Turns()
    projects = [
        (queued.get(project, 0) / weights.get(project, 1.0), turns.of(project), project) for project in movies
    ]
    heapq.heapify(projects)
    granted: dict[tuple[str, str], int] = {}
    for _ in range(room if projects else 0):
        load, _, project = projects[0]
        weight = weights.get(project, 1.0)
        turns.served(project, weight)
        rank, count, since, movie = movies[project][0]
        granted[project, movie] = granted.get((project, movie), 0) + 1
        heapq.heapreplace(movies[project], (rank, count + 1, since, movie))
        heapq.heapreplace(projects, (load + 1 / weight, turns.of(project), project))
    return granted
