"""The command `reelmill-benchmark`: scores answers to a release's questions."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from reelmill_kit.errors import invalid
from reelmill_llm import BudgetedLlm, Llm, Purse, Usage

from .answering import Part, Sampling, Showing, View, answer, said_of
from .asked_by import digest_of, path_beside
from .choices import Accuracy, accuracy, baselines, chance
from .cli import Bar, budget_of, guarded, spent, write_rows, write_whole
from .comparing import Protocol, read_contest
from .footage import Footage
from .journal import FileJournal
from .judging import Bench, used_prompts
from .reading import read_questions
from .settings import open_judges, open_model
from .short_video import DIMENSIONS, Dataset, score

app = typer.Typer(
    name="reelmill-benchmark",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Say what a video-language model understood of a release's movies.",
)
Baselines = Annotated[
    list[Path] | None,
    typer.Option(help="Answers of a model that had not seen the movies, shown beside; more than once."),
]
Questions = Annotated[
    Path, typer.Argument(help="A release's questions, for example films-v1.0/questions/test.jsonl.")
]
AnswerFile = Annotated[
    Path, typer.Argument(help='JSON Lines: {"id": .., "answer": ".."} or {"id": .., "choice": "B"}.')
]
Judges = Annotated[
    list[str] | None,
    typer.Option("--judge", help="MODEL or MODEL@URL, more than once; without: REELMILL_LLM_MODEL."),
]
Out = Annotated[Path, typer.Option(help="Folder for the report and the journal; made when missing.")]
BudgetOption = Annotated[
    float,
    typer.Option(
        "--budget",
        min=0,
        help="Ends before it costs more with what it has cost before, in the prices' currency.",
    ),
]
BudgetTokens = Annotated[int, typer.Option("--budget-tokens", min=0, help="Ends before more are used.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("score-choices")
def score_choices(
    questions: Questions, answers: AnswerFile, baseline: Baselines = None, as_json: AsJson = False
) -> None:
    """How many choices are right, without a judge, with blind baselines beside it."""

    def run() -> tuple[list[Accuracy], float]:
        asked = read_questions(questions)
        blind = [("baseline", path) for path in baseline or []]
        contest = read_contest(asked, [("answers", answers)], blind)
        found = [accuracy(asked, one) for one in (contest.first, *contest.blind)]
        return [*found, *baselines(asked)], chance(asked)

    found, by_chance = guarded(run)
    if as_json:
        print(json.dumps({"accuracies": [one.model_dump() for one in found], "chance": by_chance}))
        return
    table = Table("", *(one.model for one in found), "by chance", box=None, header_style="dim")
    table.add_row("right", *(f"{one.all.value:.3f}" for one in found), f"{by_chance:.3f}")
    table.add_row("95 %", *(f"{one.all.low:.3f} to {one.all.high:.3f}" for one in found))
    table.add_row("of", *(str(one.all.asked) for one in found))
    table.add_row("unanswered", *(str(one.all.unanswered) for one in found))
    for kind in found[0].by_kind:
        table.add_row(kind, *(f"{one.by_kind[kind].value:.3f}" for one in found))
    Console().print(table)


@app.command("answer")
def answer_questions(
    release: Annotated[Path, typer.Argument(help="A downloaded release.")],
    model: Annotated[
        str, typer.Option(help="MODEL or MODEL@URL, which takes images; without: REELMILL_LLM_MODEL.")
    ] = "",
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    view: Annotated[
        View, typer.Option(help="frames; or what a baseline gets: blind, nothing; shuffled, descriptions.")
    ] = View.FRAMES,
    frames: Annotated[int, typer.Option(min=1, max=2000, help="At most so many.")] = 32,
    part: Annotated[
        Part, typer.Option(help="Frames of the question's own part, or of the whole movie.")
    ] = Part.QUESTION,
    sampling: Annotated[
        Sampling,
        typer.Option(help="Evenly spaced, at random, or those that prove the answer before others."),
    ] = Sampling.UNIFORM,
    side: Annotated[int, typer.Option(min=16, max=4096, help="Longest side of a picture, pixels.")] = 512,
    subtitles: Annotated[bool, typer.Option(help="What is said, as text.")] = True,
    choices: Annotated[bool, typer.Option(help="With choices, where a question has them.")] = True,
    seed: Annotated[int, typer.Option(help="For the model, and for what is shuffled.")] = 0,
    budget: BudgetOption = 0.0,
    budget_tokens: BudgetTokens = 0,
    out: Annotated[
        Path, typer.Option(help="Folder for answers.jsonl and the journal; made when missing.")
    ] = Path("answers"),
    as_json: AsJson = False,
) -> None:
    """Put a release's questions to a vision model; asked again, it goes on where it was."""

    async def run() -> dict[str, Any]:
        asked = read_questions(release / "questions" / f"{split}.jsonl")
        footage = Footage(release, split, side)
        showing = Showing(view, frames, part, sampling, subtitles, choices, seed)
        opened = open_model(model, "model")
        purse = Purse(budget_of(budget, budget_tokens, [opened]))
        out.mkdir(parents=True, exist_ok=True)
        journal = FileJournal(out / "journal.jsonl")
        purse.usage += journal.total
        rows: dict[str, dict[str, Any]] = {}
        with Bar(shown=not as_json) as bar:
            bench = Bench(journal, bar.report)
            try:
                await answer(bench, asked, footage, BudgetedLlm(opened, purse), showing, rows)
            finally:
                await opened.close()
                # What there is, also where the budget has ended it.
                ordered = [rows[question.id] for question in asked if question.id in rows]
                write_rows(out / "answers.jsonl", ordered)
                report = {
                    "model": opened.model,
                    "said": said_of(opened.model, showing, side),
                    "questions": len(asked),
                    "answered": len(rows),
                    "invalid": bench.spent.invalid,
                    "showing": asdict(showing) | {"side": side, "split": split},
                    "usage": bench.spent.report(),
                    "total": asdict(bench.spent.total),
                    "prompts": used_prompts("answer"),
                    "digest": digest_of(out / "answers.jsonl"),
                }
                write_whole(path_beside(out / "answers.jsonl"), json.dumps(report, indent=1) + "\n")
        return report

    report = guarded(lambda: asyncio.run(run()))
    if as_json:
        print(json.dumps(report))
        return
    console = Console(soft_wrap=True, highlight=False)
    left = f", {report['invalid']} without a usable answer" if report["invalid"] else ""
    console.print(f"{report['answered']} of {report['questions']} answered{left}")
    console.print(f"[dim]{spent(Usage(**report['total']))}[/]")
    console.print(f"[dim]{out / 'answers.jsonl'}[/]")


@app.command("compare")
def compare_answers(
    questions: Questions,
    answers: AnswerFile,
    other: Annotated[
        Path | None, typer.Argument(help="Another model's answers; without: the reference answers.")
    ] = None,
    judge: Judges = None,
    baseline: Baselines = None,
    protocol: Annotated[
        Protocol, typer.Option(help="balanced: both orders; authors: MovieLLM's own, for parity.")
    ] = Protocol.BALANCED,
    budget: BudgetOption = 0.0,
    budget_tokens: BudgetTokens = 0,
    out: Out = Path("benchmark"),
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Let judges compare two models' answers; asked again, it goes on where it was."""

    async def run() -> dict[str, Any]:
        files = [("answers", answers), *([("other", other)] if other else [])]
        blind = [("baseline", path) for path in baseline or []]
        contest = read_contest(read_questions(questions), files, blind)
        judges = open_judges(judge or [])
        limit = budget_of(budget, budget_tokens, judges)
        out.mkdir(parents=True, exist_ok=True)
        try:
            with Bar(shown=not as_json) as bar:
                journal = FileJournal(out / "journal.jsonl")
                found = await contest.judged(judges, limit, journal, protocol, seed, bar.report)
        finally:
            await _close(judges)
        write_whole(out / "report.json", json.dumps(found.report, indent=1, ensure_ascii=False) + "\n")
        write_whole(out / "report.html", found.page)
        write_whole(out / "judgements.jsonl", found.judgements)
        return found.report

    report = guarded(lambda: asyncio.run(run()))
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
        return
    console = Console()
    console.print(report["verdict"], highlight=False)
    console.print(f"[dim]{out / 'report.html'}, {out / 'report.json'}[/]")


@app.command("short-video")
def short_video(
    answers: Annotated[Path, typer.Argument(help="JSON Lines of question, answer, pred.")],
    dataset: Annotated[Dataset, typer.Option(help="Whose questions they are.")],
    judge: Judges = None,
    dimension: Annotated[
        list[str] | None, typer.Option(help=f"Of video-chatgpt, more than once: {', '.join(DIMENSIONS)}.")
    ] = None,
    out: Out = Path("benchmark"),
    as_json: AsJson = False,
) -> None:
    """Score answers to MSVD-QA, MSRVTT-QA or Video-ChatGPT's questions."""

    async def run() -> dict[str, Any]:
        if unknown := set(dimension or ()) - set(DIMENSIONS):
            raise invalid("dimension", f"{sorted(unknown)[0]!r} is none of {', '.join(DIMENSIONS)}")
        judges = open_judges(judge or [])
        out.mkdir(parents=True, exist_ok=True)
        try:
            with Bar(shown=not as_json) as bar:
                bench = Bench(FileJournal(out / "journal.jsonl"), bar.report)
                result = await score(bench, dataset, answers, judges, dimension or ())
        finally:
            await _close(judges)
        content = result.model_dump()
        (out / f"{dataset.value}.json").write_text(json.dumps(content, indent=1) + "\n")
        return content

    result = guarded(lambda: asyncio.run(run()))
    if as_json:
        print(json.dumps(result))
        return
    console = Console()
    if result["accuracy"]:
        right, low, high = result["accuracy"]
        console.print(f"accuracy {right:.3f} (95 % {low:.3f} to {high:.3f})", highlight=False)
    for name, value in result["scores"].items():
        console.print(f"{name} {value:.2f} of 5", highlight=False)
    console.print(f"[dim]{result['asked']} answers, {result['invalid']} without a usable judgement[/]")


async def _close(judges: list[Llm]) -> None:
    for judge in judges:
        await judge.close()


def main() -> None:
    app()
