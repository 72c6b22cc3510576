"""A day of requests: a quiet night, office hours, and bursts in which somebody asks for a dataset."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

HOUR, DAY = 3600.0, 86_400.0
_SMALL, _MIDDLE, _FEATURE = 27, 125, 1331
# Movies an hour by themselves, from midnight on.
_RATES = (1, 1, 0.5, 0.5, 0.5, 1, 2, 4, 8, 12, 12, 10, 8, 10, 12, 12, 10, 8, 6, 4, 3, 2, 2, 1)
_BURSTS = 6


@dataclass(frozen=True, slots=True)
class Request:
    ready: float
    """When its frames can be drawn, in seconds since midnight: script and style are there."""
    frames: int
    project: str


def a_day(seed: int) -> list[Request]:
    """The requests of a day, by when they are ready. The same seed gives the same day.

    By themselves movies come as a Poisson process whose rate follows the hour: half of 27 frames, 30 % of
    125, 20 % of 1,331, the size of a feature. Six bursts begin between 7 and 20 o'clock, each of one project:
    100 small movies, 40 of middle size or 12 features within ten minutes. Script and style take two to six
    minutes more.
    """
    rng = random.Random(seed)
    asked: list[tuple[float, int, str]] = []
    for hour, rate in enumerate(_RATES):
        for _ in range(_poisson(rng, rate)):
            frames = rng.choices((_SMALL, _MIDDLE, _FEATURE), (50, 30, 20))[0]
            asked.append((HOUR * (hour + rng.random()), frames, f"team-{rng.randrange(8)}"))
    for number in range(_BURSTS):
        begin = HOUR * rng.uniform(7, 20)
        count, frames = rng.choice(((100, _SMALL), (40, _MIDDLE), (12, _FEATURE)))
        asked += [(begin + rng.uniform(0, 600), frames, f"burst-{number}") for _ in range(count)]
    requests = [Request(when + rng.uniform(120, 360), frames, project) for when, frames, project in asked]
    return sorted(requests, key=lambda request: request.ready)


def one_request(frames: int = _SMALL) -> Sequence[Request]:
    """Somebody's first movie when nothing runs, at an hour that no poll of a scaler agrees with."""
    return [Request(1234.5, frames, "first")]


def _poisson(rng: random.Random, mean: float) -> int:
    """Knuth's multiplication method; for small means."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
