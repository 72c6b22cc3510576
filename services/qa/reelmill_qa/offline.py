"""Writes questions without a language model; the same script and seed, the same questions."""

import random

from reelmill.v1 import qa_pb2, script_pb2

from .english import English
from .moments import Moments
from .plot import overview_questions, plot_questions
from .scopes import Scope, all_scopes
from .sheet import Sheet
from .temporal import temporal_questions

Question = qa_pb2.Question

# How many are wanted of a kind for each part of a level, besides the overview. The paper has one question for
# the movie, one a chapter and two a scene, and none about the order of events.
_PLOT = {Question.LEVEL_MOVIE: 3, Question.LEVEL_CHAPTER: 2, Question.LEVEL_SCENE: 1}
_TEMPORAL = {Question.LEVEL_MOVIE: 6, Question.LEVEL_CHAPTER: 3, Question.LEVEL_SCENE: 1}
_FRAME = 2


class OfflineWriter:
    """Writes a script's questions part by part."""

    def __init__(self, script: script_pb2.Script, seed: int) -> None:
        self._script = script
        self._seed = seed
        self._english = English(script)
        self._moments = Moments(script, self._english)

    def write(self) -> Sheet:
        """Overview, plot and temporal questions of every level, in reading order."""
        sheet = Sheet(self._script)
        for scope in all_scopes(self._script):
            self.story(sheet, scope)
            self.timeline(sheet, scope)
        return sheet

    def story(self, sheet: Sheet, scope: Scope) -> None:
        """What the prose tells: overview and plot."""
        self.overview(sheet, scope)
        sheet.take(plot_questions(scope, self._english, self._dice(scope, "story")), _PLOT[scope.level])

    def overview(self, sheet: Sheet, scope: Scope) -> None:
        sheet.take(overview_questions(scope), 1)

    def timeline(self, sheet: Sheet, scope: Scope) -> None:
        """What the frames show: temporal questions, and for a scene those about single frames."""
        dice = self._dice(scope, "timeline")
        sheet.take(temporal_questions(scope, self._english, dice), _TEMPORAL[scope.level])
        if scope.level == Question.LEVEL_SCENE:
            sheet.take(self._moments.questions(scope, dice), _FRAME)

    def _dice(self, scope: Scope, purpose: str) -> random.Random:
        """Each part has its own: what happens in one changes nothing in another."""
        return random.Random(f"{self._seed}/{scope.chapter}/{scope.scene}/{purpose}")
