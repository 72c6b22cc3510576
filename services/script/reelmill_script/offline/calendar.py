"""When scenes happen, and in what weather: time only goes forward, and one hour has one weather."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from reelmill_world import TIMES

from .texts import capital

_WORDS = {"morning": "morning", "day": "afternoon", "evening": "evening", "night": "night"}
_SAME_DAY = {
    "morning": "later that morning",
    "day": "that afternoon",
    "evening": "that evening",
    "night": "that night",
}
_NEXT_DAY = {
    "morning": "the next morning",
    "day": "the next afternoon",
    "evening": "the following evening",
    "night": "the following night",
}
_WEATHER_WORDS = {"clear": "clear", "rain": "rainy", "snow": "snowy", "fog": "foggy"}
_NUMBERS = {2: "two", 3: "three", 4: "four"}


@dataclass(frozen=True, slots=True)
class Moment:
    day: int
    time: str  # of the world's TIMES
    weather: str  # of the world's WEATHERS
    when: str  # "The next morning"

    @property
    def word(self) -> str:
        return _WORDS[self.time]


class Calendar:
    def __init__(self, times: Sequence[str], weathers: Sequence[str], rng: random.Random) -> None:
        self._rng = rng
        self._day = 0
        self._slot = TIMES.index(times[0]) if times else rng.randrange(2)
        self._season = weathers[0] if weathers else "clear"
        self._weather = weathers[0] if weathers else rng.choice(("clear", "rain", "fog"))
        self._begun = False

    def next(self, place: str, new_chapter: bool) -> Moment:
        """The moment of the next scene."""
        if not self._begun:
            self._begun = True
            weather = self._at(place)
            word = f"{_WEATHER_WORDS[weather]} {_WORDS[TIMES[self._slot]]}"
            return Moment(0, TIMES[self._slot], weather, f"One {word}")
        days = 0
        if new_chapter and self._rng.random() < 0.5:
            days = self._rng.choice((1, 1, 2, 3))
            self._slot = self._rng.randrange(len(TIMES))
        else:
            self._slot += 1 if self._rng.random() < 0.8 else 2
            days, self._slot = self._slot // len(TIMES), self._slot % len(TIMES)
        self._day += days
        if days or self._rng.random() < 0.4:
            self._weather = self._rng.choice(self._likely())
        time = TIMES[self._slot]
        if days > 1:
            when = f"{_NUMBERS[days]} days later, in the {_WORDS[time]}"
            when = f"{_NUMBERS[days]} nights later" if time == "night" else when
        else:
            when = _NEXT_DAY[time] if days else _SAME_DAY[time]
        return Moment(self._day, time, self._at(place), capital(when))

    def _likely(self) -> tuple[str, ...]:
        cold = "snow" if self._season == "snow" else "rain"
        return ("clear", "clear", "rain" if cold == "rain" else "snow", "fog", self._season, self._season)

    def _at(self, place: str) -> str:
        return "clear" if place == "desert" and self._weather != "fog" else self._weather
