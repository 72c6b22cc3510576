"""The gate: which pictures pass, which seed comes next, which picture is kept. Pure: no I/O."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count

from reelmill.v1 import render_pb2

from .domain import Picture


@dataclass(frozen=True, slots=True)
class Score:
    """How near a picture is to what was wanted, among others of the same kind.

    `margin`: its cosine with what was wanted, less the cosine with the nearest other. `rank`: the place of
    what was wanted among all, 1 is the nearest.
    """

    margin: float
    rank: int


@dataclass(frozen=True, slots=True)
class Scores:
    """What a judge says of a picture; None: of that there was nothing to compare with."""

    style: Score | None
    text: Score | None

    @property
    def total(self) -> float:
        """The sum of the margins, for comparing pictures of one frame."""
        return sum(score.margin for score in (self.style, self.text) if score is not None)


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_redraws`: pictures drawn after the first, 0 to 10. The ranks: the last with which one passes."""

    max_redraws: int
    style_rank: int
    text_rank: int

    def passes(self, scores: Scores) -> bool:
        held = ((scores.style, self.style_rank), (scores.text, self.text_rank))
        return all(score is None or score.rank <= rank for score, rank in held)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the service does where a request does not say."""

    on: bool
    limits: Limits

    def limits_for(self, options: render_pb2.GateOptions) -> Limits | None:
        """The limits that a request's frames are held to; None: they are not judged."""
        on = self.on
        if options.mode != render_pb2.GateOptions.MODE_UNSPECIFIED:
            on = options.mode == render_pb2.GateOptions.MODE_ON
        if not on:
            return None
        redraws = options.max_redraws if options.HasField("max_redraws") else self.limits.max_redraws
        return Limits(redraws, self.limits.style_rank, self.limits.text_rank)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a judged frame depends on besides its first picture."""

    limits: Limits
    text: str
    """What the picture should show."""
    judge_digest: str
    references_digest: str
    """sha256 over the style's reference images; "": the frame is not scored for style."""

    def input_digest(self, picture: Picture) -> str:
        """sha256 in hex over everything a frame depends on that begins with `picture`."""
        inputs = {"picture": picture.input_digest, "gate": asdict(self)}
        canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One picture of a frame, and what was said of it."""

    seed: int
    scores: Scores
    passed: bool

    def better_than(self, other: "Attempt") -> bool:
        """One that passed before one that did not, then the greater sum of margins."""
        return (self.passed, self.scores.total) > (other.passed, other.scores.total)


def seeds(first: int) -> Iterator[int]:
    """`first`, then seeds that follow from it, 0 to 2^31 - 1, none of them twice. Does not end."""
    yield first
    given = {first}
    for number in count(1):
        digest = hashlib.sha256(f"{first}/redraw/{number}".encode()).digest()
        seed = int.from_bytes(digest[:4], "big") >> 1
        if seed not in given:
            given.add(seed)
            yield seed


def write_lineage(
    key_frame: render_pb2.KeyFrame, first: Picture, gate: Gate, attempts: list[Attempt], kept: Attempt
) -> None:
    """Says in the lineage of a kept picture how it came to be kept. `first`: the picture asked for."""
    key_frame.input_digest = gate.input_digest(first)
    key_frame.passed = kept.passed
    key_frame.judge_digest = gate.judge_digest
    key_frame.references_digest = gate.references_digest
    key_frame.limits.max_redraws = gate.limits.max_redraws
    key_frame.limits.style_rank = gate.limits.style_rank
    key_frame.limits.text_rank = gate.limits.text_rank
    for attempt in attempts:
        style, text = attempt.scores.style, attempt.scores.text
        key_frame.attempts.add(
            seed=attempt.seed,
            style_margin=style.margin if style else 0.0,
            style_rank=style.rank if style else 0,
            text_margin=text.margin if text else 0.0,
            text_rank=text.rank if text else 0,
            passed=attempt.passed,
            kept=attempt is kept,
        )
