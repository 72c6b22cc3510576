"""The combinations of switches that the chart is rendered with."""

import itertools

from tests.chart.covering import covering


def test_whatever_three_switches_one_takes_they_meet_in_every_way_in_few_combinations() -> None:
    sizes = [3, 2, 4, 2, 3, 3]
    rows = covering(sizes, strength=3)
    for switches in itertools.combinations(range(len(sizes)), 3):
        met = {tuple(row[switch] for switch in switches) for row in rows}
        assert met == set(itertools.product(*(range(sizes[switch]) for switch in switches)))
    assert len(rows) < 100  # of 432
    assert rows == covering(sizes, strength=3)
