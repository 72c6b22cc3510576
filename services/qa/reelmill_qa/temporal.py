"""Writes temporal questions from the typed timeline: order, before and after, first and last.

Whether an answer is right is not decided here: `proof` reads the finished English and looks it up.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations

from reelmill.v1 import qa_pb2, script_pb2

from .english import English, Said, distinct, face, sentence
from .scopes import Scope, shows

Question = qa_pb2.Question
_TOLD = re.compile(r"[^.!?:“”]{20,160}\.")


def temporal_questions(scope: Scope, english: English, rng: random.Random) -> Iterator[Question]:
    """Candidates without end, each form in turn; nothing where a scope has too little going on."""
    writer = _Writer(scope, english, rng)
    forms: list[Callable[[], Question | None]] = [
        writer.which_first,
        writer.which_told_first,
        writer.order_as_told,
        writer.next_thing,
        writer.order_of_three,
        writer.before_or_after,
        writer.expression_change,
        writer.which_last,
        writer.first_place,
        writer.who_first,
        writer.first_seen_where,
    ]
    if scope.level == Question.LEVEL_SCENE:
        # A scene plays in one place.
        forms = [form for form in forms if form not in (writer.first_place, writer.first_seen_where)]
    rng.shuffle(forms)
    while forms:
        for form in list(forms):
            question = form()
            if question is None:
                forms.remove(form)
            else:
                yield question


class _Writer:
    def __init__(self, scope: Scope, english: English, rng: random.Random) -> None:
        self._scope = scope
        self._english = english
        self._rng = rng
        self._told = distinct(scope)
        self._cast = _first_frames(scope)

    def which_first(self) -> Question | None:
        return self._which("first", self._rng.choice((5, 5, 2)))

    def which_last(self) -> Question | None:
        return self._which("last", self._rng.choice((5, 5, 3)))

    def _which(self, end: str, count: int) -> Question | None:
        some = self._pick(count) or self._pick(3 if end == "last" else 2)
        if not some:
            return None
        asked = self._rng.sample(some, len(some))
        clauses = [self._english.clause(one) for one in asked]
        question = f"which happens {end}: {', '.join(clauses[:-1])}, or {clauses[-1]}?"
        answer = self._english.clause(some[0] if end == "first" else some[-1])
        return self._question(end, question, answer, [one.event.frame for one in some], clauses)

    def order_of_three(self) -> Question | None:
        if not (some := self._pick(3)):
            return None
        asked = [self._english.clause(one) for one in self._rng.sample(some, 3)]
        told = [self._english.clause(one) for one in some]
        return self._question(
            "order",
            f"in what order do these things happen: {asked[0]}; {asked[1]}; {asked[2]}?",
            _in_order(told),
            [one.event.frame for one in some],
            map(_in_order, permutations(asked)),
        )

    def which_told_first(self) -> Question | None:
        if not (some := self._pick_told(2)):
            return None
        asked = self._rng.sample(some, 2)
        return self._question(
            "first",
            f"which happens first, {_quoted(asked[0])} or {_quoted(asked[1])}?",
            f"{_quoted(some[0])} happens first",
            [frame.index for frame in some],
        )

    def order_as_told(self) -> Question | None:
        if not (some := self._pick_told(3)):
            return None
        asked = [_quoted(frame) for frame in self._rng.sample(some, 3)]
        return self._question(
            "order",
            f"in what order do these things happen: {', '.join(asked)}?",
            _in_order([_quoted(frame) for frame in some]),
            [frame.index for frame in some],
            map(_in_order, permutations(asked)),
        )

    def before_or_after(self) -> Question | None:
        if not (some := self._pick(2)):
            return None
        one, other = self._rng.sample(some, 2)
        relation = "before" if one.event.frame < other.event.frame else "after"
        return self._question(
            relation,
            f"does {one.event.who} {self._english.base(one)} before or after {self._english.clause(other)}?",
            f"{self._english.clause(one)} {relation} {self._english.clause(other)}",
            [one.event.frame, other.event.frame],
        )

    def next_thing(self) -> Question | None:
        """What a character does in the next frame that shows it."""
        following = []
        for one in self._told:
            later = [
                e for e in self._told if e.event.who == one.event.who and e.event.frame > one.event.frame
            ]
            if later:
                following.append((one, later[0]))
        if not following:
            return None
        one, after = self._rng.choice(following)
        who = one.event.who
        deeds = [e for e in self._told if e.event.who == who and e.event.frame != after.event.frame]
        wrong = [self._english.gerund(Said(e.event, e.event.place != one.event.place)) for e in deeds]
        return self._question(
            "after",
            f"what is the next thing that {who} is seen doing after {self._english.gerund(one)}?",
            f"{who} is seen {self._english.gerund(Said(after.event, after.event.place != one.event.place))}",
            [one.event.frame, after.event.frame],
            [f"{who} is seen {deed}" for deed in wrong],
        )

    def expression_change(self) -> Question | None:
        shown: dict[str, list[tuple[int, str]]] = {}
        for frame in self._scope.frames:
            for action in frame.actions:
                if action.expression:
                    shown.setdefault(action.character, []).append((frame.index, action.expression))
        changed = [who for who, faces in shown.items() if faces[0][1] != faces[-1][1]]
        if not changed:
            return None
        who = self._rng.choice(changed)
        (start, first), (end, last) = shown[who][0], shown[who][-1]
        faces = sorted({expression for some in shown.values() for _, expression in some})
        return self._question(
            "order",
            f"how does {who}'s expression change from the first to the last time {who} is seen?",
            f"At first {face(who, first)}, and at the end {face(who, last)}",
            [start, end],
            [f"At first {face(who, a)}, and at the end {face(who, b)}" for a, b in permutations(faces, 2)],
        )

    def first_place(self) -> Question | None:
        first: dict[str, int] = {}
        for frame in self._scope.frames:
            if frame.location:
                first.setdefault(frame.location, frame.index)
        if len(first) < 2:
            return None
        some = self._rng.sample(sorted(first), 2)
        names = [self._english.place_name(name) for name in some]
        earlier = min(some, key=lambda name: first[name])
        return self._question(
            "first",
            f"which place is shown first, {names[0]} or {names[1]}?",
            f"{self._english.place_name(earlier)} is shown first",
            [first[name] for name in some],
        )

    def who_first(self) -> Question | None:
        if len(set(self._cast.values())) < 2:
            return None
        some = self._rng.sample(sorted(self._cast), 2)
        if self._cast[some[0]] == self._cast[some[1]]:
            return self.which_first()
        earlier = min(some, key=lambda name: self._cast[name])
        return self._question(
            "first",
            f"who is seen first, {some[0]} or {some[1]}?",
            f"{earlier} is seen first",
            [self._cast[name] for name in some],
        )

    def first_seen_where(self) -> Question | None:
        if not self._cast or len({frame.location for frame in self._scope.frames}) < 2:
            return None
        who = self._rng.choice(sorted(self._cast))
        frame = next(frame for frame in self._scope.frames if frame.index == self._cast[who])
        if not frame.location:
            return None
        places = sorted({frame.location for frame in self._scope.frames} - {""})
        return self._question(
            "first",
            f"where is {who} first seen?",
            f"{who} is first seen {self._english.place(frame.location)}",
            [frame.index],
            [f"{who} is first seen {self._english.place(place)}" for place in places],
        )

    def _pick(self, count: int) -> list[Said]:
        """Events of different frames, in order; none where there are not enough."""
        by_frame: dict[int, list[Said]] = {}
        for one in self._told:
            by_frame.setdefault(one.event.frame, []).append(one)
        if len(by_frame) < count:
            return []
        frames = sorted(self._rng.sample(sorted(by_frame), count))
        return [self._rng.choice(by_frame[frame]) for frame in frames]

    def _pick_told(self, count: int) -> list[script_pb2.Frame]:
        """Frames whose description is one sentence of fair length, in order; none if there are not enough."""
        fit = [f for f in self._scope.frames if f.actions and _TOLD.fullmatch(f.description)]
        if len(fit) < count:
            return []
        return sorted(self._rng.sample(fit, count), key=lambda frame: frame.index)

    def _question(
        self, form: str, text: str, answer: str, frames: list[int], others: Iterable[str] = ()
    ) -> Question:
        """`others`: answers to choose from; the right one may be among them."""
        answer = sentence(answer)
        return Question(
            question=f"In {self._scope.label}, {text}",
            answer=answer,
            level=self._scope.level,
            kind=Question.KIND_TEMPORAL,
            form=form,
            choices=[one for one in dict.fromkeys(map(sentence, others)) if one != answer],
            evidence=[qa_pb2.Evidence(frame=frame) for frame in sorted(set(frames))],
        )


def _in_order(told: Sequence[str]) -> str:
    return f"First {told[0]}, then {told[1]}, and finally {told[2]}"


def _quoted(frame: script_pb2.Frame) -> str:
    return f"“{frame.description.removesuffix('.')}”"


def _first_frames(scope: Scope) -> dict[str, int]:
    """The first frame that shows each character of the script."""
    first: dict[str, int] = {}
    for frame in scope.frames:
        for character in scope.script.characters:
            if character.name not in first and shows(frame, character.name):
                first[character.name] = frame.index
    return first
