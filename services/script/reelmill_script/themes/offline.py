"""Themes from texts: the same request gives the same themes, on any machine."""

import random

from reelmill_kit.near_duplicates import Texts
from reelmill_world import HELD_OBJECTS, PLACES, with_article

from ..offline.places import place
from ..offline.texts import capital, fill, load
from ..offline.theme import read_theme
from .domain import TOO_LIKE, Themes, ThemesRequest

_TRIES = 40


class OfflineInventor:
    """Needs no language model and no network."""

    async def invent(self, request: ThemesRequest) -> Themes:
        rng = random.Random(f"themes/{request.seed}/{len(request.known)}")
        taken, themes = Texts(request.known), list[str]()
        for genre in request.genres:
            theme = _unlike(genre, taken, rng)
            taken.add(theme)
            themes.append(theme)
        return Themes(themes)


def _unlike(genre: str, taken: Texts, rng: random.Random) -> str:
    """One that is like none that is there; among many hundreds, the one that is the least."""
    tried: list[tuple[float, str]] = []
    for _ in range(_TRIES):
        theme = _theme(genre, rng)
        likeness, _ = taken.most_like(theme)
        tried.append((likeness, theme))
        if likeness < TOO_LIKE:
            break
    return min(tried)[1]


def _theme(genre: str, rng: random.Random) -> str:
    texts, people = load("themes"), load("people")
    reading = read_theme("", genre)
    premise = rng.choice(reading.genre.premises or reading.premises or tuple(texts["turns"]))
    home, key = (place(name) for name in rng.sample(PLACES, 2))
    adjective, role = rng.choice(texts["adjectives"]), rng.choice(people["roles"][rng.choice(PLACES)])
    past = people["names"]["past"]
    slots = {
        "a_role": with_article(f"{adjective} {role}".strip()),
        "a_token": with_article(rng.choice(HELD_OBJECTS)),
        "name": rng.choice(past["woman"] + past["man"]),
        **home.slots("_home"),
        **key.slots("_key"),
    }
    opening, turn = rng.choice(texts["openings"]), rng.choice(texts["turns"][premise])
    return capital(f"{fill(opening, slots)} and {fill(turn, slots)}")
