"""Simulated renderers under a scaler or of a fixed number. A step is a second."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.scaling.autoscaler import Autoscaler, Scaler
from tests.bench.scaling.day import DAY, Request

BATCH = 8
IN_HAND = 16  # REELMILL_JOB_CONCURRENCY of a render worker
FRAME_WINDOW = 16  # REELMILL_FRAME_WINDOW of the front door
BLOCK = 64  # frames that one mark in the stream WAITING stands for


@dataclass(frozen=True, slots=True)
class Timing:
    frame: float = 1 / 0.68
    """Seconds a frame takes in a batch of eight."""
    pod: float = 15.0
    """From the scaler's decision until the container runs, on a node that is there and has the image."""
    load: float = 60.0
    """Until Triton has loaded the model and is ready."""
    worker: float = 10.0
    """From the decision until a render worker takes jobs; it needs no GPU."""


@dataclass(slots=True)
class Movie:
    request: Request
    left: int
    begun: float = math.nan
    """When its first frame was begun, and when it was there."""
    first: float = math.nan
    last: float = math.nan


@dataclass(slots=True)
class Renderer:
    ready: float
    busy: float = 0.0
    """Until when it draws."""
    drawing: list[Movie] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    gpu_hours: float
    ideal_hours: float
    """What the drawing alone takes."""
    queue_seconds: list[float]
    """Of each movie, from when it could be drawn until its first frame was begun."""
    first_seconds: list[float]
    """The same until its first frame was there."""
    done_seconds: list[float]
    """The same until its last frame was there."""
    most: int
    """Renderers at a time."""

    @property
    def over_ideal(self) -> float:
        return self.gpu_hours / self.ideal_hours


def simulate(
    requests: Sequence[Request],
    timing: Timing,
    *,
    renderers: Scaler | int,
    workers: Scaler | int = 0,
) -> Outcome:
    """A day and as long after it as there is something to draw.

    Args:
        renderers: Their ScaledObject, or how many there are all day.
        workers: The same of the render workers, who put frames before the renderers; a fixed fleet has one
            for each renderer.
    """
    fleet = Fleet(timing, renderers, workers if isinstance(renderers, Scaler) else renderers)
    coming = deque(requests)
    now = 0.0
    while coming or now < DAY or fleet.at_work:
        while coming and coming[0].ready <= now:
            request = coming.popleft()
            movie = Movie(request, request.frames)
            fleet.movies.append(movie)
            fleet.all.append(movie)
        fleet.step(now)
        now += 1.0
    return Outcome(
        gpu_hours=fleet.seconds / 3600,
        ideal_hours=sum(request.frames for request in requests) * timing.frame / 3600,
        queue_seconds=[movie.begun - movie.request.ready for movie in fleet.all],
        first_seconds=[movie.first - movie.request.ready for movie in fleet.all],
        done_seconds=[movie.last - movie.request.ready for movie in fleet.all],
        most=fleet.most,
    )


class Fleet:
    def __init__(self, timing: Timing, renderers: Scaler | int, workers: Scaler | int) -> None:
        self._timing = timing
        self._scaler = Autoscaler(renderers) if isinstance(renderers, Scaler) else None
        self._worker_scaler = Autoscaler(workers) if isinstance(workers, Scaler) else None
        self._fixed = renderers if isinstance(renderers, int) else 0
        self._renderers = [Renderer(0.0) for _ in range(self._fixed)]
        self._leaving: list[Renderer] = []
        self._workers: list[float] = [0.0] * (workers if isinstance(workers, int) else 0)
        self.movies: deque[Movie] = deque()
        """Those with frames to draw, whose turn is next first."""
        self.all: list[Movie] = []
        self.seconds = 0.0
        self.most = 0

    @property
    def at_work(self) -> bool:
        """Something is to draw, or a fleet that is scaled has not gone to zero yet."""
        drawing = any(renderer.drawing for renderer in [*self._renderers, *self._leaving])
        return bool(self.movies) or drawing or (not self._fixed and bool(self._renderers))

    def step(self, now: float) -> None:
        for renderer in [*self._renderers, *self._leaving]:
            if renderer.drawing and renderer.busy <= now:
                self._drawn(renderer)
        self._leaving = [renderer for renderer in self._leaving if renderer.drawing]
        in_hand, metrics = self._queues(now)
        self._scale(now, metrics)
        for renderer in self._renderers:
            if renderer.ready <= now and not renderer.drawing and in_hand > 0:
                in_hand -= self._begin(renderer, now)
        there = len(self._renderers) + len(self._leaving)
        self.seconds += there
        self.most = max(self.most, there)

    def _queues(self, now: float) -> tuple[int, dict[str, float]]:
        """Frames that workers have and nobody draws yet, and what the scalers see: messages of streams."""
        drawing = sum(len(renderer.drawing) for renderer in [*self._renderers, *self._leaving])
        left = sum(movie.left for movie in self.movies)
        places = IN_HAND * sum(ready <= now for ready in self._workers)
        in_hand = min(left + drawing, places)
        # As the front door lets frames in: as many may wait as are in workers' hands.
        pending = min(left + drawing - in_hand, max(FRAME_WINDOW, in_hand))
        queued = max(0, in_hand + pending - drawing)
        share = queued / max(1, len(self.movies))
        waiting = sum(math.ceil(max(0.0, movie.left - share) / BLOCK) for movie in self.movies)
        return max(0, in_hand - drawing), {"JOBS": in_hand + pending, "WAITING": waiting}

    def _scale(self, now: float, metrics: dict[str, float]) -> None:
        if self._scaler is not None:
            wanted = self._scaler.step(now, metrics)
            while len(self._renderers) < wanted:
                self._renderers.append(Renderer(now + self._timing.pod + self._timing.load))
            while len(self._renderers) > wanted:
                # Kubernetes takes pods that are not ready first, then the youngest.
                gone = self._renderers.pop(
                    max(range(len(self._renderers)), key=lambda at: self._renderers[at].ready)
                )
                if gone.drawing:
                    self._leaving.append(gone)
        if self._worker_scaler is not None:
            wanted = self._worker_scaler.step(now, metrics)
            self._workers += [now + self._timing.worker] * (wanted - len(self._workers))
            del self._workers[wanted:]

    def _begin(self, renderer: Renderer, now: float) -> int:
        """Draws up to eight frames, one of each movie in turn; returns how many."""
        taken: list[Movie] = []
        while self.movies and len(taken) < BATCH:
            movie = self.movies.popleft()
            movie.left -= 1
            movie.begun = now if math.isnan(movie.begun) else movie.begun
            taken.append(movie)
            if movie.left:
                self.movies.append(movie)
        renderer.drawing, renderer.busy = taken, now + self._timing.frame * len(taken)
        return len(taken)

    def _drawn(self, renderer: Renderer) -> None:
        for movie in renderer.drawing:
            movie.first = renderer.busy if math.isnan(movie.first) else movie.first
            movie.last = renderer.busy
        renderer.drawing = []
