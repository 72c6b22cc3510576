"""Which proved questions get choices, and which have to stay whatever the blind test says."""

import random
from collections import Counter

from reelmill.v1 import qa_pb2

from .choices import Choices
from .options import Options
from .sheet import Sheet

Question = qa_pb2.Question


def give_choices(sheet: Sheet, seed: int, options: Options) -> Choices:
    """Gives the wished share of those questions that can have them five choices; the others stay open."""
    choices = Choices(sheet, seed)
    able = [question for question in sheet.questions if choices.give(question)]
    dice = random.Random(f"{seed}/choices")
    kept = dice.sample(range(len(able)), round(len(able) * options.choice_percent / 100))
    for number in set(range(len(able))) - set(kept):
        del able[number].choices[:]
        able[number].right_choice = 0
    return choices


class Keeper:
    """Overviews stay, with or without choices, and what a part would have no question without."""

    def __init__(self, questions: list[Question]) -> None:
        self._left = Counter(map(_part, questions))

    def __call__(self, question: Question) -> bool:
        """Called once for each question that would be dropped."""
        part = _part(question)
        if question.kind == Question.KIND_OVERVIEW or self._left[part] <= 2:
            return True
        self._left[part] -= 1
        return False


def _part(question: Question) -> tuple[int, str]:
    """Level, and chapter and scene as the question calls them."""
    text = question.question.split("“")[0]
    return question.level, "".join(character for character in text if character.isdigit())
