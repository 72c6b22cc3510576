"""What a judge's taste for the first answer does to a comparison, by the authors' protocol and by ours.

    make bench-judge        (or: python -m tests.bench.judge --movies 100)

A simulated judge behind real HTTP prefers whichever answer it reads first 70 % of the time. Two models of
equal worth answer four questions about each movie. By MovieLLM's protocol, which shows the same model first
always, it wins by 0.4; by ours (both orders, a word that turns is a tie) nobody does. Then one model is made
better: read first it is preferred 85 % of the time, read second 45 %. Ours has to find that, and says with
what confidence. False alarms are counted over many such judges without HTTP.

The last line is one JSON object. `abs_win_gap_authors`: wins of the one less wins of the other, equal models;
`ours_says_no_difference`: of the same judgements; `ours_finds_real_difference`, `real_win_gap` and
`real_confidence` where there is one; `false_alarm_rate`: the share of judges for which ours calls equal
models different.
"""

import argparse
import asyncio
import json
import random
import tempfile
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from reelmill_benchmark.journal import FileJournal
from reelmill_benchmark.judging import Bench, compare
from reelmill_benchmark.reading import BenchmarkQuestion
from reelmill_benchmark.statistics import Judgement, authors, balanced
from reelmill_kit.progress import silent
from reelmill_llm import LlmSettings, open_llm
from tests.support.judge import judge
from tests.support.openai_server import API_KEY, openai_server

FIRST, EDGE = 0.7, 0.15
KINDS = ("overview", "plot", "plot", "temporal")


async def judged(movies: int, seed: int, *, better: bool) -> list[Judgement]:
    """What the judge says through HTTP of two models; a is the better one, where one is."""
    questions = [
        BenchmarkQuestion(f"m-{m}/q-{n}", f"m-{m}", "movie", kind, f"What of {m}, {n}?", "This.", (), None)
        for m in range(movies)
        for n, kind in enumerate(KINDS)
    ]
    author = judge(first=FIRST, sharpness=EDGE if better else 0.0, seed=seed)
    with openai_server(author) as server, tempfile.TemporaryDirectory() as folder:
        settings = LlmSettings(model="test-model", base_url=server.url, api_key=SecretStr(API_KEY))
        opened = open_llm(settings)
        assert opened is not None
        try:
            bench = Bench(FileJournal(Path(folder) / "journal.jsonl"), silent)
            return await compare(
                bench,
                questions,
                lambda question: f"a says so of {question.id}, quality {5 if better else 3}",
                lambda question: f"b says so of {question.id}, quality 3",
                [opened],
                both_orders=True,
            )
        finally:
            await opened.close()


def alarms(movies: int, judges: int) -> float:
    """How often ours calls equal models different, over simulated judges."""
    found = 0
    for seed in range(judges):
        dice = random.Random(seed)
        words = [
            Judgement(
                f"{m}/{n}",
                f"{m}",
                "movie",
                kind,
                "judge",
                a_first,
                "first" if dice.random() < FIRST else "second",
            )
            for m in range(movies)
            for n, kind in enumerate(KINDS)
            for a_first in (True, False)
        ]
        result = balanced(words, seed)
        found += result is not None and not result.says_no_difference
    return found / judges


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--movies", type=int, default=100, help="with four questions each")
    parser.add_argument("--seed", type=int, default=1, help="of the judge")
    parser.add_argument("--judges", type=int, default=200, help="simulated, for the rate of false alarms")
    options = parser.parse_args()
    table = Table("", "authors' gap", "our gap", "95 %", "our word", "confidence")
    results = {}
    for name, better in (("equal models", False), ("a real difference", True)):
        words = asyncio.run(judged(options.movies, options.seed, better=better))
        of_authors, ours = authors(words), balanced(words)
        assert of_authors is not None
        assert ours is not None
        results[name] = (of_authors, ours)
        table.add_row(
            name,
            f"{of_authors.gap:+.3f}",
            f"{ours.gap.value:+.3f}",
            f"{ours.gap.low:+.3f} to {ours.gap.high:+.3f}",
            "no difference"
            if ours.says_no_difference
            else "a is better"
            if ours.gap.value > 0
            else "b is better",
            f"{ours.confidence:.4f}",
        )
    rate = alarms(options.movies, options.judges)
    console = Console()
    console.print(table)
    console.print(f"false alarms with {options.judges} judges and equal models: {rate:.3f}")
    equal, real = results["equal models"], results["a real difference"]
    print(
        json.dumps(
            {
                "abs_win_gap_authors": round(abs(equal[0].gap), 4),
                "ours_says_no_difference": equal[1].says_no_difference,
                "ours_finds_real_difference": not real[1].says_no_difference and real[1].gap.value > 0,
                "real_win_gap": round(real[1].gap.value, 4),
                "real_confidence": round(real[1].confidence, 6),
                "real_p_value": real[1].p_value,
                "false_alarm_rate": rate,
                "questions": options.movies * len(KINDS),
            }
        )
    )


if __name__ == "__main__":
    main()
