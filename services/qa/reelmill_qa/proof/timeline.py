"""The forms of questions that can be read, and what makes their answers true."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from reelmill.v1 import qa_pb2, script_pb2

from . import counting, people
from .reader import Part, Pattern, Reader, verb_of
from .unproved import Unproved

Question = qa_pb2.Question
Frames = Sequence[int | tuple[int, tuple[int, ...]]]
"""What decides the answer: frames, or frames with lines of dialogue. The evidence has to be these."""


def prove_by_timeline(question: Question, reader: Reader) -> bool:
    """False if the question is in none of the forms; raises Unproved if it is and the answer is not right."""
    part, text = reader.part(question.question)
    answer = question.answer.removesuffix(".")
    for form, prove in _FORMS:
        if match := form.fullmatch(text):
            decisive = prove(match, answer, reader, part)
            level = question.level
            if level != part.level and not (
                level == Question.LEVEL_FRAME and part.level == Question.LEVEL_MOVIE
            ):
                raise Unproved("the question asks about another level than it says")
            deciding = {one if isinstance(one, tuple) else (one, ()) for one in decisive}
            named = {(evidence.frame, tuple(evidence.lines)) for evidence in question.evidence}
            if named != deciding:
                raise Unproved(f"{sorted(deciding)} decide it, but {sorted(named)} are named")
            return True
    return False


def _first_or_last(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    clauses = _clauses(match["clauses"])
    frames = _at_different_times([reader.only(reader.pattern(clause), part) for clause in clauses])
    wanted = min(frames) if match["end"] == "first" else max(frames)
    said = reader.only(reader.pattern(answer), part).index
    if answer not in clauses or said != wanted:
        raise Unproved(f"frame {wanted} is {match['end']}, the answer means {said}")
    return frames


def _order(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    asked = {
        clause: reader.only(reader.pattern(clause), part).index for clause in match["clauses"].split("; ")
    }
    told = re.fullmatch(r"First (.+), then (.+), and finally (.+)", answer)
    if told is None or set(told.groups()) != set(asked):
        raise Unproved("the answer does not order what was asked")
    order = [asked[clause] for clause in told.groups()]
    if order != sorted(set(order)):
        raise Unproved(f"the answer's order is {order}")
    return order


def _before_or_after(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    told = re.fullmatch(r"(.+?) (before|after) (.+)", answer)
    if told is None:
        raise Unproved("the answer does not say before or after")
    asked = [reader.pattern(match["one"]), reader.pattern(match["other"])]
    if [reader.pattern(told[1]), reader.pattern(told[3])] != asked:
        raise Unproved("the answer tells of something else")
    one, other = _at_different_times([reader.only(pattern, part) for pattern in asked])
    if told[2] != ("before" if one < other else "after"):
        raise Unproved(f"frame {one} is not {told[2]} frame {other}")
    return [one, other]


def _next_thing(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    who = match["who"]
    start = reader.only(reader.pattern(f"{who} {match['doing']}"), part).index
    following = next((f for f in part.frames if f.index > start and reader.appears(who, f)), None)
    if following is None or reader.deeds(who, following) != 1:
        raise Unproved(f"what {who} does next is not one thing")
    said = reader.pattern(answer)
    if said.who != who or following not in reader.matches(said, part):
        raise Unproved("the next frame shows something else")
    return [start, following.index]


def _expression_change(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    who = match["who"]
    told = re.fullmatch(r"At first (.+), and at the end (.+)", answer)
    seen = [frame for frame in part.frames if reader.appears(who, frame)]
    if told is None or len(seen) < 2:
        raise Unproved("there is no first and last time")
    faces = [_expression(who, frame) for frame in (seen[0], seen[-1])]
    if faces[0] == faces[1] or [_face(who, told[1]), _face(who, told[2])] != faces:
        raise Unproved(f"the faces are {faces}")
    return [seen[0].index, seen[-1].index]


def _place_first(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    places = [reader.place(match["one"]), reader.place(match["other"])]
    frames = [_first_at(place, part) for place in places]
    told = re.fullmatch(r"(.+) is shown first", answer)
    if told is None or frames[0] == frames[1]:
        raise Unproved("there is no telling")
    if reader.place(told[1]) != places[frames.index(min(frames))]:
        raise Unproved("the other place is shown first")
    return frames


def _who_first(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    people = [match["one"], match["other"]]
    frames = _at_different_times([_first_seen(who, reader, part) for who in people])
    if answer != f"{people[frames.index(min(frames))]} is seen first":
        raise Unproved("the other one is seen first")
    return frames


def _first_seen_where(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    who = match["who"]
    frame = _first_seen(who, reader, part)
    told = re.fullmatch(rf"{re.escape(who)} is first seen (.+)", answer)
    if told is None or reader.place(told[1]) != frame.location:
        raise Unproved(f"{who} is first seen in {frame.location!r}")
    return [frame.index]


def _where_doing(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    asked, told = reader.pattern(f"{match['who']} {match['doing']}"), reader.pattern(answer)
    if asked.place or not told.place or _without_place(told) != asked:
        raise Unproved("the answer tells of something else, or of no place")
    return _one_of(reader.matches(asked, part), lambda frame: frame.location, told.place)


def _what_doing(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    told = reader.pattern(answer)
    rest, time = reader.split_time(match["when"])
    rest, place = reader.split_place(rest)
    asked = Pattern(match["who"], "", "", place, time)
    if rest or not place or told.place or told.time or told.who != asked.who:
        raise Unproved("the answer tells of something else")
    frame = reader.only(asked, part)
    if reader.deeds(asked.who, frame) != 1:
        raise Unproved(f"{asked.who} does several things at once")
    if reader.matches(told, Part(part.level, (frame,))) == []:
        raise Unproved("the frame shows something else")
    return [frame.index]


def _what_target(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    """What is held, who is hugged, talked to or looked at."""
    told = reader.pattern(answer)
    verb = verb_of(match["verb"].split(" ")[0])
    rest, time = reader.split_time(match["when"])
    rest, place = reader.split_place(rest)
    if rest or told.who != match["who"] or told.verb != verb or not told.target or told.place or told.time:
        raise Unproved("the answer tells of something else")
    asked = Pattern(match["who"], verb, "", place, time)
    frames = reader.matches(asked, part)
    right = reader.matches(Pattern(told.who, verb, told.target, place, time), part)
    if len(frames) != 1 or right != frames:
        raise Unproved(f"{len(frames)} frames answer it, {len(right)} of them like this")
    return [frames[0].index]


def _face_while(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    who = match["who"]
    frame = reader.only(reader.pattern(f"{who} {match['doing']}"), part)
    if _face(who, answer) != _expression(who, frame):
        raise Unproved(f"the face is {_expression(who, frame)!r}")
    return [frame.index]


def _said_while(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    who = match["who"]
    frame = reader.only(reader.pattern(f"{who} {match['doing']}"), part)
    lines = [(number, line.text) for number, line in enumerate(frame.dialogue) if line.speaker == who]
    if len(lines) != 1 or answer != f"{who} says: “{lines[0][1]}”":
        raise Unproved(f"{who} says {lines}")
    return [(frame.index, (lines[0][0],))]


def _where_it_takes_place(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    told = re.fullmatch(r"It takes place (.+)", answer)
    shown: dict[str, int] = {}
    for frame in part.frames:
        shown.setdefault(frame.location, frame.index)
    phrases = re.split(r", | and (?=in |at |on |inside |aboard )", told[1]) if told else []
    if sorted(map(reader.place, phrases)) != sorted(shown):
        raise Unproved(f"it takes place in {sorted(shown)}")
    return list(shown.values())


def _main_characters(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    main = script_pb2.Character.ROLE_MAIN
    names = [character.name for character in reader.script.characters if character.role == main]
    told = re.fullmatch(r"The main characters? (?:is|are) (.+)", answer)
    if told is None or not names or sorted(re.split(r", | and ", told[1])) != sorted(names):
        raise Unproved(f"the main characters are {names}")
    return [_first_seen(name, reader, part).index for name in names]


def _told_first(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    told = [reader.told(match["one"], part), reader.told(match["other"], part)]
    frames = _at_different_times(told)
    said = re.fullmatch(r"“([^”]+)” happens first", answer)
    if said is None or said[1] != (match["one"] if frames[0] < frames[1] else match["other"]):
        raise Unproved("the other one happens first")
    return frames


def _order_as_told(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    asked = re.findall(r"“([^”]+)”", match["all"])
    said = re.fullmatch(r"First “([^”]+)”, then “([^”]+)”, and finally “([^”]+)”", answer)
    if said is None or sorted(said.groups()) != sorted(asked):
        raise Unproved("the answer does not order what was asked")
    order = _at_different_times([reader.told(words, part) for words in said.groups()])
    if order != sorted(order):
        raise Unproved(f"the answer's order is {order}")
    return order


def _answers(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Frames:
    """What somebody says right after somebody else's question."""
    found: list[tuple[int, tuple[int, ...], str]] = []
    for frame in part.frames:
        for number, (line, reply) in enumerate(pairwise(frame.dialogue)):
            if (line.speaker, line.text) == (match["asker"], match["asked"]):
                said = reply.text if reply.speaker == match["who"] else ""
                found.append((frame.index, (number, number + 1), said))
    if len(found) != 1 or not found[0][2] or answer != f"{match['who']} answers: “{found[0][2]}”":
        raise Unproved(f"{len(found)} lines ask that, or the reply is another")
    return [(found[0][0], found[0][1])]


_Prove = Callable[[re.Match[str], str, Reader, Part], Frames]
_FORMS: list[tuple[re.Pattern[str], _Prove]] = [
    (re.compile(r"In PART, which happens first, “(?P<one>[^”]+)” or “(?P<other>[^”]+)”\?"), _told_first),
    (re.compile(r"In PART, in what order do these things happen: (?P<all>“.+”)\?"), _order_as_told),
    (
        re.compile(r"What does (?P<who>.+?) answer when (?P<asker>.+?) asks “(?P<asked>[^”]+)”\?"),
        _answers,
    ),
    (re.compile(r"In PART, which happens (?P<end>first|last): (?P<clauses>.+)\?"), _first_or_last),
    (re.compile(r"In PART, in what order do these things happen: (?P<clauses>.+)\?"), _order),
    (re.compile(r"In PART, does (?P<one>.+?) before or after (?P<other>.+)\?"), _before_or_after),
    (
        re.compile(r"In PART, what is the next thing that (?P<who>.+) is seen doing after (?P<doing>.+)\?"),
        _next_thing,
    ),
    (
        re.compile(
            r"In PART, how does (?P<who>.+)'s expression change from the first to the last time "
            r"(?P=who) is seen\?"
        ),
        _expression_change,
    ),
    (re.compile(r"In PART, which place is shown first, (?P<one>.+) or (?P<other>.+)\?"), _place_first),
    (re.compile(r"In PART, who is seen first, (?P<one>.+) or (?P<other>.+)\?"), _who_first),
    (re.compile(r"In PART, where is (?P<who>.+) first seen\?"), _first_seen_where),
    (re.compile(r"Where is (?P<who>.+?) (?P<doing>\w+ing\b.*)\?"), _where_doing),
    (re.compile(r"What is (?P<who>.+?) doing (?P<when>.+)\?"), _what_doing),
    (
        re.compile(
            r"(?:What|Who) is (?P<who>.+?) (?P<verb>holding|hugging|talking to|looking at) ?(?P<when>.*)\?"
        ),
        _what_target,
    ),
    (re.compile(r"How does (?P<who>.+?) look while (?P<doing>.+)\?"), _face_while),
    (re.compile(r"What does (?P<who>.+?) say while (?P<doing>.+)\?"), _said_while),
    (re.compile(r"Where does PART,? take place\?"), _where_it_takes_place),
    (re.compile(r"Who (?:is|are) the main characters? of PART\?"), _main_characters),
    (re.compile(r"In how many frames of PART,? does (?P<deed>.+)\?"), counting.deeds),
    (re.compile(r"How many lines does (?P<who>.+) speak in PART\?"), counting.lines),
    (re.compile(r"How many of the movie's named characters are seen in PART\?"), counting.people),
    (re.compile(r"In how many (?P<unit>chapters|scenes) of PART,? is (?P<who>.+) seen\?"), counting.parts),
    (re.compile(r"In how many different places is (?P<who>.+) seen in PART\?"), counting.places_of),
    (re.compile(r"How many different places are shown in PART\?"), counting.places),
    (re.compile(r"In PART, who is seen (?P<doing>.+)\?"), people.who_does),
    (re.compile(r"In PART, who says “(?P<line>[^”]+)”\?"), people.who_says),
    (re.compile(r"Who is (?P<who>.+) in PART\?"), people.who_is),
    (re.compile(r"What is (?P<who>.+) to (?P<other>.+) in PART\?"), people.relation),
    (re.compile(r"What does (?P<who>.+?) wear while (?P<doing>.+)\?"), people.wears),
    (re.compile(r"How does PART,? come about\?"), people.comes_about),
]


def _clauses(text: str) -> list[str]:
    """A, or B / A, B, or C"""
    head, _, last = text.rpartition(", or ")
    return [*head.split(", "), last]


def _at_different_times(frames: list[script_pb2.Frame]) -> list[int]:
    indexes = [frame.index for frame in frames]
    if len(set(indexes)) != len(indexes):
        raise Unproved("two of them happen at the same time")
    return indexes


def _first_at(place: str, part: Part) -> int:
    for frame in part.frames:
        if frame.location == place:
            return frame.index
    raise Unproved(f"{place!r} is not shown")


def _first_seen(who: str, reader: Reader, part: Part) -> script_pb2.Frame:
    for frame in part.frames:
        if reader.appears(who, frame):
            return frame
    raise Unproved(f"{who} is not seen")


def _expression(who: str, frame: script_pb2.Frame) -> str:
    """The face somebody makes in a frame; empty where it is not known or more than one."""
    faces = {action.expression for action in frame.actions if action.character == who}
    return faces.pop() if len(faces) == 1 else ""


def _face(who: str, text: str) -> str:
    match = re.fullmatch(rf"{re.escape(who)} (?:looks|is|has) (.+)", text)
    if match is None:
        raise Unproved(f"{text!r} tells of no face")
    return match[1]


def _without_place(pattern: Pattern) -> Pattern:
    return Pattern(pattern.who, pattern.verb, pattern.target, "", pattern.time, pattern.around)


def _one_of(frames: list[script_pb2.Frame], value: Callable[[script_pb2.Frame], str], wanted: str) -> Frames:
    """All frames agree on the value; the first of them is the evidence."""
    if {value(frame) for frame in frames} != {wanted}:
        raise Unproved(f"the frames say {sorted({value(frame) for frame in frames})}")
    return [frames[0].index]
