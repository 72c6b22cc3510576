"""The genres of a dataset of movies, in the shares that MovieLLM's authors report. Pure."""

import random
from collections.abc import Mapping
from types import MappingProxyType

# Percent of the movies of arXiv 2403.01422 (version 5, its figure of the data's distribution); together 100.
SHARES: Mapping[str, float] = MappingProxyType(
    {
        "Drama": 25.9,
        "Comedy": 13.0,
        "Romance": 9.7,
        "Anime": 9.7,
        "Adventure": 6.4,
        "Family": 6.4,
        "Historical": 5.4,
        "Horror": 4.3,
        "Mystery": 4.3,
        "Crime": 3.2,
        "Action": 3.2,
        "Fantasy": 3.2,
        "Disaster": 2.1,
        "Sci-Fi": 2.1,
        "Biography": 1.1,
    }
)


def genres(count: int, seed: int) -> list[str]:
    """A genre for each of `count` movies, shared out by largest remainder; the order follows from the seed.

    Each genre comes as often as its share says, to less than one movie: 26 of 100 are dramas. Where
    remainders are equal, the genre that the paper lists first takes the movie. Raises ValueError for a
    negative count.
    """
    if count < 0:
        raise ValueError(f"{count} movies cannot have genres")
    # In tenths of a percent, whole numbers: sums of fractions would settle ties by their rounding.
    quotas = {genre: divmod(round(10 * share) * count, 1000) for genre, share in SHARES.items()}
    left = count - sum(whole for whole, _ in quotas.values())
    by_remainder = sorted(quotas, key=lambda genre: -quotas[genre][1])
    chosen = [
        genre for genre, (whole, _) in quotas.items() for _ in range(whole + (genre in by_remainder[:left]))
    ]
    random.Random(seed).shuffle(chosen)
    return chosen
