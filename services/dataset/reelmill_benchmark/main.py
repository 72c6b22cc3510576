"""The command `reelmill-benchmark`: scores answers to a release's questions."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from reelmill_kit.errors import ReelmillError, invalid
from reelmill_llm import Budget, BudgetedLlm, Llm

from .answering import Part, Showing, View, answer
from .choices import Accuracy, accuracy, baselines, chance
from .footage import Footage
from .judging import Bench, Journal, compare, reference, rows, used_prompts, words_of
from .reading import Answers, read_answers, read_questions
from .report import AUTHORS_KINDS, comparison, page
from .settings import open_judges, open_model, shared_out
from .short_video import DIMENSIONS, Dataset, score

app = typer.Typer(
    name="reelmill-benchmark",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Say what a video-language model understood of a release's movies.",
)
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
    float, typer.Option("--budget", min=0, help="Ends before models cost more, in the prices' currency.")
]
BudgetTokens = Annotated[int, typer.Option("--budget-tokens", min=0, help="Ends before more are used.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("score-choices")
def score_choices(questions: Questions, answers: AnswerFile, as_json: AsJson = False) -> None:
    """How many choices are right, without a judge, with blind baselines beside it."""

    def run() -> tuple[list[Accuracy], float]:
        asked = read_questions(questions)
        return [accuracy(asked, read_answers(answers, asked)), *baselines(asked)], chance(asked)

    found, by_chance = _guarded(run)
    if as_json:
        print(json.dumps({"accuracies": [one.model_dump() for one in found], "chance": by_chance}))
        return
    table = Table("", "right", "of", "95 %", "unanswered", *found[0].by_kind, box=None, header_style="dim")
    for one in found:
        share = one.all
        between = f"{share.low:.3f} to {share.high:.3f}"
        kinds = [f"{part.value:.3f}" for part in one.by_kind.values()]
        table.add_row(
            one.model, f"{share.value:.3f}", str(share.asked), between, str(share.unanswered), *kinds
        )
    table.add_row("by chance", f"{by_chance:.3f}")
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
    frames: Annotated[int, typer.Option(min=1, max=2000, help="At most so many, evenly spaced.")] = 32,
    part: Annotated[
        Part, typer.Option(help="Frames of the question's own part, or of the whole movie.")
    ] = Part.QUESTION,
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
        showing = Showing(view, frames, part, subtitles, choices, seed)
        opened = open_model(model, "model")
        out.mkdir(parents=True, exist_ok=True)
        rows: dict[str, dict[str, Any]] = {}
        try:
            with _Bar(shown=not as_json) as bar:
                bench = Bench(Journal(out / "journal.jsonl"), bar.report)
                budgeted = BudgetedLlm(opened, _budget(budget, budget_tokens))
                await answer(bench, asked, footage, budgeted, showing, rows)
        finally:
            await opened.close()
            # What there is, also where the budget has ended it.
            ordered = [rows[question.id] for question in asked if question.id in rows]
            with (out / "answers.jsonl").open("w") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in ordered)
        report = {
            "model": opened.model,
            "questions": len(asked),
            "answered": len(rows),
            "invalid": bench.spent.invalid,
            "showing": asdict(showing) | {"side": side, "split": split},
            "usage": bench.spent.report(),
            "prompts": used_prompts("answer"),
        }
        (out / "answers.report.json").write_text(json.dumps(report, indent=1) + "\n")
        return report

    report = _guarded(lambda: asyncio.run(run()))
    if as_json:
        print(json.dumps(report))
        return
    console = Console()
    console.print(f"{report['answered']} of {report['questions']} answered", highlight=False)
    console.print(f"[dim]{out / 'answers.jsonl'}[/]")


@app.command("compare")
def compare_answers(
    questions: Questions,
    answers: AnswerFile,
    other: Annotated[
        Path | None, typer.Argument(help="Another model's answers; without: the reference answers.")
    ] = None,
    judge: Judges = None,
    protocol: Annotated[
        str, typer.Option(help="balanced: both orders; authors: MovieLLM's own, for parity.")
    ] = "balanced",
    budget: BudgetOption = 0.0,
    budget_tokens: BudgetTokens = 0,
    out: Out = Path("benchmark"),
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Let judges compare two models' answers; asked again, it goes on where it was."""

    async def run() -> dict[str, Any]:
        if protocol not in ("balanced", "authors"):
            raise invalid("protocol", f"{protocol!r} is neither balanced nor authors")
        asked = read_questions(questions)
        first = read_answers(answers, asked)
        second = read_answers(other, asked) if other else None
        if second and second.name == first.name:
            first.name, second.name = str(answers), str(other)
        names = (first.name, second.name if second else "the reference")
        judged = asked if protocol == "balanced" else [q for q in asked if q.kind in AUTHORS_KINDS]
        judges = open_judges(judge or [])
        out.mkdir(parents=True, exist_ok=True)
        try:
            with _Bar(shown=not as_json) as bar:
                bench = Bench(Journal(out / "journal.jsonl"), bar.report)
                told = words_of(second) if second else reference
                limit = _budget(budget, budget_tokens)
                used = shared_out(judges if protocol == "balanced" else judges[:1], limit)
                words = await compare(
                    bench, judged, words_of(first), told, used, both_orders=protocol == "balanced"
                )
        finally:
            await _close(judges)
        both: list[Answers] = [first, *([second] if second else [])]
        accuracies = [accuracy(asked, one) for one in both] if any(q.choices for q in asked) else []
        report = comparison(names, judged, words, accuracies, both, bench.spent, protocol=protocol, seed=seed)
        (out / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        (out / "report.html").write_text(page(report, judged, words))
        with (out / "judgements.jsonl").open("w") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(words))
        return report

    report = _guarded(lambda: asyncio.run(run()))
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
            with _Bar(shown=not as_json) as bar:
                bench = Bench(Journal(out / "journal.jsonl"), bar.report)
                result = await score(bench, dataset, answers, judges, dimension or ())
        finally:
            await _close(judges)
        content = result.model_dump()
        (out / f"{dataset.value}.json").write_text(json.dumps(content, indent=1) + "\n")
        return content

    result = _guarded(lambda: asyncio.run(run()))
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


class _Bar:
    """A bar on a terminal, and nothing elsewhere."""

    def __init__(self, *, shown: bool) -> None:
        output = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=output,
            disable=not shown or not output.is_terminal,
        )
        self._task = self._progress.add_task("judging", total=None)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def report(self, message: str, done: int = 0, total: int = 0) -> None:
        self._progress.update(self._task, description=message, completed=done, total=total or None)


def _guarded(run: Any) -> Any:
    """Errors of the catalogue become one line and exit code 1."""
    try:
        return run()
    except ReelmillError as error:
        Console(stderr=True).print(f"error: {error.message} ({error.reason})", style="red", highlight=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _budget(cost: float, tokens: int) -> Budget:
    return Budget(tokens, round(cost * 1_000_000))


async def _close(judges: list[Llm]) -> None:
    for judge in judges:
        await judge.close()


def main() -> None:
    app()
