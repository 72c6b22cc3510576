"""The arithmetic of scalers, with examples of Kubernetes' documentation; and a day under it."""

from dataclasses import replace

import pytest

from tests.bench.scaling.autoscaler import Autoscaler, Policy, Scaler, desired
from tests.bench.scaling.day import DAY, a_day
from tests.bench.scaling.fleet import Timing, simulate

SCALER = Scaler(targets={"JOBS": 10.0}, maximum=100, polling=30, cooldown=300)


def run(scaler: Autoscaler, begin: float, seconds: float, **metrics: float) -> int:
    for second in range(int(seconds)):
        scaler.step(begin + second, metrics)
    return scaler.replicas


@pytest.mark.parametrize(
    ("replicas", "value", "target", "wanted"),
    [
        # "if the current metric value is 200m, and the desired value is 100m, the number of replicas will be
        # doubled [..] If the current value is 50m, we'll halve": each replica's, so their sums.
        (3, 600, 100, 6),
        (4, 200, 100, 2),
        (3, 301, 100, 3),  # within a tenth
        (10, 1090, 100, 10),
        (10, 1110, 100, 12),
        (1, 5, 100, 1),
    ],
)
def test_replicas_follow_the_ratio_of_the_metric_and_its_target(
    replicas: int, value: float, target: float, wanted: int
) -> None:
    assert desired(replicas, value, target) == wanted


def test_the_first_replica_comes_at_the_next_poll_and_the_last_goes_after_the_cooldown() -> None:
    scaler = Autoscaler(SCALER)
    assert run(scaler, 0, 100, JOBS=0) == 0
    for second in range(100, 131):
        if scaler.step(second, {"JOBS": 1}):
            break
    assert second == 120
    run(scaler, second + 1, 60, JOBS=1)
    last = second + 60
    assert run(scaler, last, 290, JOBS=0) == 1
    assert run(scaler, last + 290, 60, JOBS=0) == 0


def test_growth_is_bound_to_twice_or_four_more_in_fifteen_seconds() -> None:
    scaler = Autoscaler(SCALER, replicas=1)
    sizes = [scaler.step(second, {"JOBS": 1000}) for second in range(46)]
    assert [sizes[0], sizes[15], sizes[30], sizes[45]] == [5, 10, 20, 40]


def test_it_shrinks_to_the_most_that_was_wanted_within_the_window() -> None:
    scaler = Autoscaler(replace(SCALER, stabilization=60, minimum=1), replicas=10)
    run(scaler, 0, 30, JOBS=100)
    assert run(scaler, 30, 55, JOBS=20) == 10
    assert run(scaler, 85, 30, JOBS=20) == 2


def test_shrinking_is_bound_by_its_policies() -> None:
    slow = replace(SCALER, stabilization=0, minimum=1, down=(Policy("Pods", 2, 60),))
    scaler = Autoscaler(slow, replicas=10)
    sizes = [scaler.step(second, {"JOBS": 10}) for second in range(121)]
    assert [sizes[0], sizes[59], sizes[60], sizes[120]] == [8, 8, 6, 4]


def test_the_metric_that_wants_most_decides_and_the_maximum_holds() -> None:
    both = replace(SCALER, targets={"JOBS": 10.0, "WAITING": 2.0}, maximum=6)
    scaler = Autoscaler(both, replicas=4)
    assert run(scaler, 0, 1, JOBS=10, WAITING=10) == 5
    assert run(scaler, 15, 1, JOBS=10, WAITING=1000) == 6


def test_a_scaled_object_is_read_with_the_defaults_of_what_it_leaves_out() -> None:
    trigger = {"type": "nats-jetstream", "metadata": {"stream": "JOBS", "lagThreshold": "48"}}
    assert Scaler.of({"spec": {"triggers": [trigger]}}) == Scaler(targets={"JOBS": 48.0}, maximum=100)
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    spec = {
        "triggers": [trigger, {"type": "prometheus", "metadata": {}}],
        "maxReplicaCount": 8,
        "pollingInterval": 10,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
    }
    assert Scaler.of({"spec": spec}) == Scaler(targets={"JOBS": 48.0}, polling=10, stabilization=60)


def test_a_day_is_the_same_for_the_same_seed_and_has_a_quiet_night() -> None:
    day = a_day(3)
    assert day == a_day(3) != a_day(4)
    assert all(0 <= request.ready < DAY for request in day)
    at_night = [request for request in day if 1 < request.ready / 3600 < 5]
    assert len(at_night) < len(day) / 20


@pytest.mark.parametrize("renderers", [1, 4, SCALER])
def test_every_movie_of_a_day_is_drawn_and_costs_at_least_the_drawing(
    renderers: Scaler | int,
) -> None:
    outcome = simulate(a_day(1), Timing(), renderers=renderers, workers=SCALER)
    assert len(outcome.done_seconds) == len(a_day(1))
    assert all(
        0 <= q <= f <= d
        for q, f, d in zip(outcome.queue_seconds, outcome.first_seconds, outcome.done_seconds, strict=True)
    )
    assert outcome.gpu_hours >= outcome.ideal_hours
    if isinstance(renderers, int):
        assert outcome.most == renderers
