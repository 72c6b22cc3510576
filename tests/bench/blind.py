"""How much a reader that knows other movies' questions finds out from choices alone.

    make bench-blind            (or: python -m tests.bench.blind --movies 40)
    make bench-blind LEARN=1    counts anew what other movies give away, into the QA service

Movies of the offline writers. The reader learns from three quarters of them, as they come out, and is asked
about the rest; and the same for each other quarter.
"""

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit import genres
from reelmill_kit.progress import silent
from reelmill_qa import blind
from reelmill_qa.blind import Counts, Guesser, other_movies
from reelmill_qa.choices import CHOICES
from reelmill_qa.options import Options
from reelmill_qa.writer import write_questions
from reelmill_script.domain import ScriptRequest
from reelmill_script.offline.writer import OfflineWriter

Question = qa_pb2.Question
_SHIPPED = Path(blind.__file__).with_name("other_movies.json")
_LEARNED_FROM, _LEAST = 60, 4
_SHAPE = script_pb2.ScriptShape(chapters=5, scenes=4, frames=4)


async def movies(count: int, first_seed: int) -> list[list[Question]]:
    """The questions with choices of so many movies, each of a genre of its own."""
    found = []
    for number, genre in enumerate(genres.genres(count, first_seed)):
        seed = first_seed + number
        request = script_pb2.WriteScriptRequest(
            movie=f"projects/bench/movies/m-{seed}",
            theme=f"Somebody finds something {seed}",
            genre=genre,
            seed=seed,
            shape=_SHAPE,
        )
        script = await OfflineWriter().write(ScriptRequest.parse(request), silent)
        written, _ = await write_questions(
            script, seed, Options.parse(qa_pb2.QuestionOptions()), None, silent
        )
        found.append([question for question in written.questions if question.choices])
    return found


def found_out(sets: Sequence[list[Question]], quarters: int = 4) -> tuple[Counter[str], Counter[str]]:
    """By kind: how many were asked, and how many the reader got right."""
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for quarter in range(quarters):
        rest = [q for number, one in enumerate(sets) if number % quarters != quarter for q in one]
        reader = Guesser(rest)
        for number, one in enumerate(sets):
            if number % quarters != quarter:
                continue
            for question in one:
                reader.learn(question)  # for it leaves out the one that it is asked
                choice, _ = reader.choose(question)
                reader.learn(question, -1)
                kind = Question.Kind.Name(question.kind).removeprefix("KIND_").lower()
                asked[kind] += 1
                right[kind] += choice == question.right_choice
    return asked, right


async def learn() -> None:
    """From movies as they come out when nothing is known of others."""
    _ship(Counts())
    sets = await movies(_LEARNED_FROM, first_seed=10_000)
    _ship(Guesser([question for one in sets for question in one]).counts)


def _ship(counts: Counts) -> None:
    _SHIPPED.write_text(counts.to_json(_LEAST) + "\n", "utf-8")
    other_movies.cache_clear()


def main() -> None:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--movies", type=int, default=40, help="movies that are asked about (%(default)s)")
    parser.add_argument("--learn", action="store_true", help="count anew what other movies give away, first")
    options = parser.parse_args()
    if options.learn:
        asyncio.run(learn())
    asked, right = found_out(asyncio.run(movies(options.movies, first_seed=1)))
    table = Table("kind", "asked", "right", "%", box=None)
    for kind in sorted(asked):
        table.add_row(kind, str(asked[kind]), str(right[kind]), f"{100 * right[kind] / asked[kind]:.0f}")
    Console(width=80).print(table)
    total = asked.total()
    told = {
        "blind_choice_percent": round(100 * right.total() / total, 1),
        "chance_percent": 100 / CHOICES,
        "questions_with_choices": total,
        "movies": options.movies,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
