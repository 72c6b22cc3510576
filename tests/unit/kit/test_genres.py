"""The genres of many movies."""

from collections import Counter

import pytest

from reelmill_kit.genres import SHARES, genres


def test_a_hundred_movies_have_the_papers_shares() -> None:
    assert Counter(genres(100, 7)) == {
        "Drama": 26, "Comedy": 13, "Romance": 10, "Anime": 10, "Adventure": 7, "Family": 7, "Historical": 5,
        "Horror": 4, "Mystery": 4, "Crime": 3, "Action": 3, "Fantasy": 3, "Disaster": 2, "Sci-Fi": 2,
        "Biography": 1,
    }  # fmt: skip


@pytest.mark.parametrize("count", [*range(40), 99, 1000, 4321])
def test_every_genre_comes_as_often_as_its_share_says_to_less_than_one_movie(count: int) -> None:
    found = Counter(genres(count, 0))
    assert found.total() == count
    assert all(abs(found[genre] - share * count / 100) < 1 for genre, share in SHARES.items())


def test_the_order_follows_from_the_seed_and_the_counts_do_not() -> None:
    assert genres(50, 1) == genres(50, 1) != genres(50, 2)
    assert Counter(genres(50, 1)) == Counter(genres(50, 2))


def test_a_negative_number_of_movies_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        genres(-1, 0)
