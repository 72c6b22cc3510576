"""Who is next when many wait."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from reelmill_movies.fair import Turns, Waiting, share_out

NO_WEIGHTS: Mapping[str, float] = {}


def by_project(granted: Mapping[tuple[str, str], int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (project, _), count in granted.items():
        counts[project] += count
    return dict(counts)


def test_nobody_waits_or_nothing_is_free() -> None:
    assert share_out([], {}, 10) == {}
    assert share_out([Waiting("a", "m", 0)], {}, 0) == {}
    assert share_out([Waiting("a", "m", 0)], {}, -3) == {}


def test_one_who_waits_alone_gets_everything() -> None:
    assert share_out([Waiting("a", "m", 60)], {"a": 60}, 4) == {("a", "m"): 4}


def test_projects_get_the_same_however_many_movies_they_have() -> None:
    many = [Waiting("large", f"m{i}", 0) for i in range(100)]
    granted = share_out([*many, Waiting("small", "m", 0)], {}, 64)
    assert by_project(granted) == {"large": 32, "small": 32}


def test_who_has_just_come_is_served_before_those_with_much_queued() -> None:
    large, small = Waiting("large", "m", 60), Waiting("small", "m", 0)
    assert share_out([large, small], {"large": 60}, 4) == {("small", "m"): 4}


def test_movies_of_one_project_take_turns() -> None:
    waiting = [Waiting("a", "m1", 2), Waiting("a", "m2", 0), Waiting("a", "m3", 0)]
    assert share_out(waiting, {"a": 2}, 7) == {("a", "m1"): 1, ("a", "m2"): 3, ("a", "m3"): 3}


def test_a_project_with_a_weight_gets_that_much_more() -> None:
    waiting = [Waiting("a", "m", 0), Waiting("b", "m", 0)]
    assert by_project(share_out(waiting, {}, 40, {"b": 3.0})) == {"a": 10, "b": 30}


@given(
    queued=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50), min_size=1),
    room=st.integers(0, 80),
)
def test_all_room_is_given_and_no_project_gets_more_while_another_has_less(
    queued: dict[str, int], room: int
) -> None:
    granted = by_project(share_out([Waiting(p, "m", q) for p, q in queued.items()], queued, room))
    assert sum(granted.values()) == room
    after = {project: count + granted.get(project, 0) for project, count in queued.items()}
    for project, count in granted.items():
        if count:
            assert after[project] <= min(after.values()) + 1


def in_turn(times: int, turns: Turns, *projects: str, weights: Mapping[str, float] = NO_WEIGHTS) -> str:
    """Who gets one place after the other, where every job is done before the next place is free."""
    order = ""
    for _ in range(times):
        granted = share_out([Waiting(project, "m", 0) for project in projects], {}, 1, weights, turns)
        order += next(iter(granted))[0]
    return order


def test_projects_whose_jobs_are_done_at_once_take_turns() -> None:
    assert in_turn(6, Turns(), "a", "b", "c") == "abcabc"


def test_who_has_just_come_is_next_and_gets_nothing_for_the_time_before() -> None:
    turns = Turns()
    assert in_turn(50, turns, "a") == "a" * 50
    assert in_turn(6, turns, "a", "z") == "zazaza"


def test_weights_hold_for_jobs_that_are_done_at_once() -> None:
    order = in_turn(400, Turns(), "a", "b", weights={"b": 3.0})
    assert 99 <= order.count("a") <= 101
    assert "aa" not in order
