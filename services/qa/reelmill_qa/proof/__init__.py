"""Proves questions: reads their finished English and looks it up in the script.

Nothing here is shared with the code that writes questions but the script itself, so a slip in the writing
cannot hide in the proof. The same proof holds for questions of any origin.
"""

from reelmill.v1 import qa_pb2

from .reader import Reader
from .text import prove_by_text
from .timeline import prove_by_timeline
from .unproved import Unproved

__all__ = ["Reader", "Unproved", "prove"]


def prove(question: qa_pb2.Question, reader: Reader, support: float = 1.0) -> str:
    """What the answer was checked against: "timeline" or "text".

    A question in one of the forms that can be read is checked against the typed timeline (frames, actions,
    locations, times). Any other, unless it asks for an order or a number, needs the share `support` of
    its answer's words in the text of its evidence, and every name. Raises Unproved.
    """
    if not question.question or not question.answer:
        raise Unproved("question or answer is empty")
    if not question.evidence:
        raise Unproved("no evidence is named")
    for evidence in question.evidence:
        frame = reader.frame(evidence.frame)
        if any(not 0 <= line < len(frame.dialogue) for line in evidence.lines):
            raise Unproved(f"frame {evidence.frame} does not have these lines of dialogue")
    if prove_by_timeline(question, reader):
        return "timeline"
    if question.kind in (qa_pb2.Question.KIND_TEMPORAL, qa_pb2.Question.KIND_COUNT):
        raise Unproved("a question of order or number that cannot be read")
    prove_by_text(question, reader, support)
    return "text"
