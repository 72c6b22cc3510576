"""The questions of one movie as they are written: proved, each once, in reading order."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from reelmill.v1 import qa_pb2, script_pb2

from .proof import Reader, Unproved, prove

Question = qa_pb2.Question
_TRIES = 8


@dataclass
class Sheet:
    script: script_pb2.Script
    questions: list[Question] = field(default_factory=list)
    dropped: int = 0
    """Candidates that could not be proved."""

    def __post_init__(self) -> None:
        self._reader = Reader(self.script)
        self._asked: set[str] = set()

    def take(self, candidates: Iterable[Question], wanted: int, support: float = 1.0) -> int:
        """Keeps up to `wanted` candidates that can be proved; returns how many. `support` as in `prove`."""
        kept = 0
        if wanted < 1:
            return kept
        for tries, candidate in enumerate(candidates):
            if tries == wanted * _TRIES:
                break
            if candidate.question in self._asked:
                continue
            try:
                candidate.checked_by = prove(candidate, self._reader, support)
            except Unproved:
                self.dropped += 1
                continue
            self._asked.add(candidate.question)
            self.questions.append(candidate)
            kept += 1
            if kept == wanted:
                break
        return kept

    def wrong(self, question: Question, answer: str) -> bool:
        """Whether the evidence proves that this is no answer: it can be proved no more than half."""
        forged = Question()
        forged.CopyFrom(question)
        forged.answer = answer
        try:
            prove(forged, self._reader, 0.5)
        except Unproved:
            return True
        return False

    def numbered(self) -> list[Question]:
        for number, question in enumerate(self.questions, 1):
            question.id = f"q-{number:04d}"
        return self.questions
