"""The data card's plots."""

from collections import Counter
from xml.etree import ElementTree

from reelmill_dataset.releases.plots import plots, svg
from reelmill_dataset.releases.statistics import Statistics, Trial

SVG = "{http://www.w3.org/2000/svg}"


def statistics() -> Statistics:
    return Statistics(
        frames=Counter(train=1064, test=266),
        genres=Counter({f"genre {n}": n for n in range(1, 21)}),
        styles=Counter(
            {"film <noir> & more": 3, "a long name " * 9: 2, "水彩画と浮世絵の間のとても長い名前": 1}
        ),
        questions=Counter({"movie/plot": 3, "scene/plot": 4, "frame/detail": 9}),
        text_ranks=Counter({"first": 30, "below": 2}),
        trials={
            "choices": Trial(asked=100, right=37, chance=20.0, kept_asked=80, kept_right=20),
            "question": Trial(),
        },
    )


def bars(file: str) -> list[tuple[str, str]]:
    (plot,) = [plot for plot in plots(statistics()) if plot.file == file]
    return [(bar.label, bar.text) for bar in plot.bars]


def test_each_plot_is_well_formed_and_has_a_bar_for_each_row() -> None:
    for plot in plots(statistics()):
        drawn = ElementTree.fromstring(svg(plot))  # noqa: S314 - our own
        assert len(drawn.findall(f"{SVG}rect")) == len(plot.bars)
        assert drawn.findtext(f"{SVG}title") == plot.title
        for rect in drawn.iter(f"{SVG}rect"):
            assert 0 < float(rect.get("width", "0")) <= 380


def test_questions_are_counted_by_kind_over_all_levels() -> None:
    assert bars("kinds") == [("detail", "9"), ("plot", "7")]


def test_the_blind_test_stands_before_and_after_with_what_guessing_gives() -> None:
    assert bars("blind-test") == [("with choices, before", "37 %"), ("with choices, after", "25 %")]
    (plot,) = [plot for plot in plots(statistics()) if plot.file == "blind-test"]
    assert [bar.mark for bar in plot.bars] == [0.2, 0.2]


def test_of_many_rows_the_last_are_one() -> None:
    rows = bars("genres")
    assert len(rows) == 15
    assert rows[0] == ("genre 20", "20")
    assert rows[-1] == ("others", str(sum(range(1, 7))))


def test_labels_are_as_long_as_there_is_room_for() -> None:
    labels = [label for label, _ in bars("styles")]
    assert labels == ["film <noir> & more", "a long name a long name a…", "水彩画と浮世絵の間のとて…"]


def test_there_is_no_plot_of_nothing() -> None:
    assert plots(Statistics()) == []


def test_the_same_numbers_give_the_same_bytes() -> None:
    first, second = ([svg(plot) for plot in plots(statistics())] for _ in range(2))
    assert first == second
