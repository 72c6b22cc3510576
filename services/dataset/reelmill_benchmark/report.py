"""What a comparison found: numbers for programs, and one HTML page for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from .asked_by import Costs
from .choices import Accuracy, baselines, chance
from .judging import Spent, used_prompts
from .reading import Answers, BenchmarkQuestion
from .statistics import Judgement, agreement, authors, balanced, habits

AUTHORS_KINDS = ("overview", "plot", "temporal")
_EXAMPLES = 8


def comparison(
    names: tuple[str, str],
    questions: Sequence[BenchmarkQuestion],
    judgements: Sequence[Judgement],
    accuracies: Sequence[Accuracy],
    answers: Sequence[Answers],
    spent: Spent,
    *,
    blind: Sequence[Accuracy] = (),
    protocol: str,
    seed: int,
) -> dict[str, Any]:
    """The report's content, as it is stored in report.json; `blind` is of models that saw no movie."""
    found = balanced(judgements, seed) if protocol == "balanced" else None
    parts = {}
    for by in ("kind", "level"):
        for value in sorted({getattr(one, by) for one in judgements}):
            part = [one for one in judgements if getattr(one, by) == value]
            result = balanced(part, seed) if protocol == "balanced" else authors(part)
            if result is not None:
                parts[f"{by}: {value}"] = asdict(result)
    one_judge = judgements[0].judge if judgements else ""
    of_authors = authors([one for one in judgements if one.kind in AUTHORS_KINDS and one.judge == one_judge])
    return {
        "models": list(names),
        "protocol": protocol,
        "questions": len(questions),
        "movies": len({question.movie for question in questions}),
        "verdict": _verdict(names, found, of_authors),
        "balanced": None if found is None else asdict(found) | {"confidence": found.confidence},
        "authors": None if of_authors is None else asdict(of_authors) | {"gap": of_authors.gap},
        "parts": parts,
        "judges": [asdict(one) for one in habits(judgements)],
        "agreement": agreement(judgements),
        "invalid": sum(one.winner is None for one in judgements),
        "judgements": len(judgements),
        "choice_accuracy": [one.model_dump() for one in accuracies],
        "baselines": [one.model_dump() for one in (*blind, *baselines(questions))],
        "chance": chance(questions),
        "answers": [
            {
                "model": one.name,
                "answered": sum(one.has(question.id) for question in questions),
                "missing": sum(not one.has(question.id) for question in questions),
                "unknown": one.unknown,
                "repeated": one.repeated,
                "asked_by": one.asked_by and one.asked_by.model_dump(),
            }
            for one in answers
        ],
        "usage": spent.report(),
        "costs": [
            *(_cost(f"answers: {one.name}", one.asked_by.total if one.asked_by else None) for one in answers),
            _cost("judgements", Costs(**asdict(spent.total))),
        ],
        "prompts": used_prompts("compare") if judgements else [],
        "seed": seed,
    }


def page(
    report: dict[str, Any], questions: Sequence[BenchmarkQuestion], judgements: Sequence[Judgement]
) -> str:
    environment = Environment(
        loader=PackageLoader("reelmill_benchmark"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        r=report, examples=_examples(questions, judgements), percent=lambda value: f"{100 * value:.1f} %"
    )


def _cost(of: str, costs: Costs | None) -> dict[str, Any]:
    """What it has cost in all, now and before; `known`: whether that was told."""
    return {"of": of, "known": costs is not None} | (costs or Costs()).model_dump()


def _verdict(names: tuple[str, str], found: Any, of_authors: Any) -> str:
    """In plain words."""
    if found is not None:
        gap = f"win gap {found.gap.value:+.3f}, 95 % interval {found.gap.low:+.3f} to {found.gap.high:+.3f}"
        if found.gap.excludes_zero and found.says_no_difference:
            better = names[0] if found.gap.value > 0 else names[1]
            few = "one movie is" if found.movies == 1 else f"{found.movies} movies are"
            return f"{better} seems better, but {few} too few to be sure ({gap})."
        if found.says_no_difference:
            return f"No difference was found between {names[0]} and {names[1]} ({gap})."
        better, worse = names if found.gap.value > 0 else names[::-1]
        return f"{better} is better than {worse} ({gap}; confidence {100 * found.confidence:.1f} %)."
    if of_authors is not None:
        return (
            f"By the authors' protocol {names[0]} wins {100 * of_authors.a_wins:.1f} % and {names[1]} "
            f"{100 * of_authors.b_wins:.1f} % of {of_authors.questions} comparisons; one order, one judge: "
            "a judge's taste for what comes first is in it."
        )
    return "No usable judgement."


def _examples(
    questions: Sequence[BenchmarkQuestion], judgements: Sequence[Judgement]
) -> list[dict[str, Any]]:
    """Questions that judges are least at one about."""
    words: dict[str, Counter[str]] = {}
    for one in judgements:
        if one.winner is not None:
            side = {1: "first model", -1: "second model", 0: "tie"}[one.value]
            words.setdefault(one.question, Counter())[side] += 1
    split = sorted((q for q in words if len(words[q]) > 1), key=lambda q: (words[q].most_common(1)[0][1], q))
    by_id = {question.id: question for question in questions}
    return [
        {"question": by_id[q].question, "answer": by_id[q].answer, "words": dict(words[q])}
        for q in split[:_EXAMPLES]
    ]
