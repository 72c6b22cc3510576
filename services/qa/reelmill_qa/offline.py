"""Writes questions without a language model; the same script, seed and options, the same questions."""

import random
from collections.abc import Iterator

from reelmill.v1 import qa_pb2, script_pb2

from .counts import count_questions
from .english import English
from .moments import Moments
from .options import Kind, Options
from .people import character_questions
from .plot import overview_questions, plot_questions
from .scopes import Scope, all_scopes
from .sheet import Sheet
from .temporal import temporal_questions

Question = qa_pb2.Question
_TURNS = (Question.KIND_COUNT, Question.KIND_CHARACTER)


class OfflineWriter:
    """Writes a script's questions part by part."""

    def __init__(self, script: script_pb2.Script, seed: int, options: Options | None = None) -> None:
        self._script = script
        self._seed = seed
        self._options = options or Options()
        self._english = English(script)
        self._moments = Moments(script, self._english)

    def write(self) -> Sheet:
        """Questions of every level, in reading order."""
        sheet = Sheet(self._script)
        for scope in all_scopes(self._script):
            self.part(sheet, scope)
        return sheet

    def overview(self, sheet: Sheet, scope: Scope) -> int:
        return sheet.take(overview_questions(scope), 1)

    def part(self, sheet: Sheet, scope: Scope, written: int = 0, overview: bool = True) -> None:
        """A part's questions, one kind after the other until there are enough, and those about its frames.

        `written`: how many it has already; `overview`: whether it wants one.
        """
        wanted = self._options.wanted(scope.level) - written
        kinds = self._order(scope)
        ways = {kind: self._candidates(kind, scope) for kind in kinds}
        first = Question.KIND_PLOT if scope.level == Question.LEVEL_SCENE else Question.KIND_OVERVIEW
        if overview and first in self._options.kinds and wanted > 0:
            wanted -= self.overview(sheet, scope)
            if scope.level == Question.LEVEL_SCENE:
                kinds = kinds[1:3] + kinds[:1] + kinds[3:]
        while ways and wanted > 0:
            for kind in [kind for kind in kinds if kind in ways][:wanted]:
                if not (kept := sheet.take(ways[kind], 1)):
                    del ways[kind]
                wanted -= kept
        if scope.level == Question.LEVEL_SCENE:
            dice = self._dice(scope, "frames")
            kept_kinds = self._options.kinds
            sheet.take(
                (one for one in self._moments.questions(scope, dice) if one.kind in kept_kinds),
                self._options.per_scene_frames,
            )

    def _order(self, scope: Scope) -> list[Kind]:
        """Kinds in turn. Scenes have few questions, so they take turns with whether they count or ask who."""
        kinds: list[Kind] = [Question.KIND_PLOT, Question.KIND_TEMPORAL]
        turn = (scope.chapter + scope.scene) % 2 if scope.level == Question.LEVEL_SCENE else 0
        kinds += [*_TURNS[turn:], *_TURNS[:turn]]
        return [kind for kind in kinds if kind in self._options.kinds]

    def _candidates(self, kind: Kind, scope: Scope) -> Iterator[Question]:
        dice = self._dice(scope, Question.Kind.Name(kind))
        if kind == Question.KIND_PLOT:
            return plot_questions(scope, self._english, dice)
        if kind == Question.KIND_TEMPORAL:
            return temporal_questions(scope, self._english, dice)
        if kind == Question.KIND_COUNT:
            return count_questions(scope, self._english, dice)
        return character_questions(scope, self._english, dice)

    def _dice(self, scope: Scope, purpose: str) -> random.Random:
        """Each part has its own: what happens in one changes nothing in another."""
        return random.Random(f"{self._seed}/{scope.chapter}/{scope.scene}/{purpose}")
