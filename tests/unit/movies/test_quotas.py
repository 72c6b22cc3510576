"""What a project may use."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_movies.quotas import Limits, Spent, check, count
from reelmill_movies.settings import MoviesSettings

NOW = datetime(2026, 12, 31, 13, 5, tzinfo=UTC)


def used(created: datetime, frames: int = 0, cost_micros: int = 0) -> movies_pb2.MovieUsage:
    found = movies_pb2.MovieUsage(frames=frames, usage=common_pb2.Usage(cost_micros=cost_micros))
    found.create_time.FromDatetime(created)
    return found


def refusal(limits: Limits, spent: Spent, frames: int = 27) -> ReelmillError:
    with pytest.raises(ReelmillError) as caught:
        check("acme", limits, spent, frames, NOW)
    assert caught.value.reason is Reason.QUOTA_EXCEEDED
    assert not caught.value.transient
    return caught.value


def test_frames_count_for_a_day_and_money_for_a_month_and_movies_while_they_are_under_way() -> None:
    movies = [
        (True, used(NOW.replace(hour=0, minute=0), 27, 5)),
        (False, used(NOW.replace(day=30, hour=23, minute=59), 100, 7)),
        (True, used(NOW.replace(month=11, day=30), 1000, 11)),
    ]
    assert count(movies, NOW) == Spent(movies=2, frames=27, cost_micros=12)


def test_what_is_left_is_enough_to_the_last_frame_and_movie() -> None:
    limits = Limits(movies=3, frames_a_day=100, cost_a_month=2)
    check("acme", limits, Spent(movies=2, frames=73, cost_micros=1_999_999), 27, NOW)
    assert refusal(limits, Spent(movies=3)).metadata == {
        "quota": "movies",
        "limit": "3",
        "used": "3",
        "left": "0",
    }
    assert refusal(limits, Spent(frames=74)).metadata == {
        "quota": "frames_a_day",
        "limit": "100",
        "used": "74",
        "left": "26",
        "renews": "2027-01-01T00:00:00Z",
    }
    assert refusal(limits, Spent(cost_micros=2_000_000)).metadata == {
        "quota": "cost_a_month",
        "limit": "2",
        "used": "2",
        "left": "0",
        "renews": "2027-01-01T00:00:00Z",
    }


def test_a_refusal_says_what_is_left_and_when_there_will_be_more() -> None:
    assert "26 of 100 frames left for today" in refusal(Limits(frames_a_day=100), Spent(frames=74)).message
    assert "after 2027-01-01T00:00:00Z" in refusal(Limits(cost_a_month=0), Spent()).message


def test_no_limit_is_no_limit() -> None:
    check("acme", Limits(), Spent(10**9, 10**9, 10**15), 10**6, NOW)


def test_limits_are_read_from_the_environment_and_a_wrong_name_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("ENDPOINT", "http://s3:9000"), ("ACCESS_KEY", "k"), ("SECRET_KEY", "s")):
        monkeypatch.setenv(f"REELMILL_S3_{name}", value)
    monkeypatch.setenv("REELMILL_PROJECT_LIMITS", '{"*": {"movies": 2}, "research": {}}')
    assert MoviesSettings().project_limits == {"*": Limits(movies=2), "research": Limits()}
    for wrong in ('{"*": {"films": 2}}', '{"*": {"movies": -1}}', '{"*": 2}'):
        monkeypatch.setenv("REELMILL_PROJECT_LIMITS", wrong)
        with pytest.raises(ValidationError, match="project_limits"):
            MoviesSettings()
