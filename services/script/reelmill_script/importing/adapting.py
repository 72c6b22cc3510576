"""From a story to a script. Pure: no I/O."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from reelmill.v1 import common_pb2, script_pb2
from reelmill_kit.story import Story
from reelmill_world import NAMED_STYLES, style_words

from ..domain import STYLE_TOKEN, ScriptRequest, Style
from ..prompting import FrameWords, frame_prompt
from ..tokens import PromptTokens
from .cast import Member, Naming, cast_of
from .sentences import Sentence, places, read, style_of, times
from .speakers import Speakers

WRITER = "imported"
_DEFAULT_STYLE = "cinematic"
_TITLE = re.compile(r"^\W*[‘'\"“](?P<title>[^'\"”’]{1,80})[’'\"”]")
_PICTURED = 2  # people whose looks a prompt must have
_TOLD = 160  # characters of a sentence in a summary
_OVERVIEW = 4000


def script_of(story: Story, request: ScriptRequest, tokens: PromptTokens) -> script_pb2.Script:
    """The script. `request` has the story's shape."""
    return _Adaptation(story, request, tokens).script()


class _Adaptation:
    def __init__(self, story: Story, request: ScriptRequest, tokens: PromptTokens) -> None:
        self._story = story
        self._request = request
        self._tokens = tokens
        self._members = cast_of(story.characters)
        self._looks = {member.name: member.looks for member in self._members}
        self._naming = Naming(self._members)
        self._sentences = [read(frame.text) for frame in story.frames]
        lengths = [request.scene_length(scene) for scene in range(request.chapters * request.scenes)]
        scenes = [scene for scene, length in enumerate(lengths) for _ in range(length)]
        self._starts = [0, *accumulate(lengths)]
        self._places = places(self._sentences)
        self._times = times(self._sentences, scenes)
        self._described = [self._naming.named(sentence.text) for sentence in self._sentences]
        self._speakers = Speakers([member.name for member in self._members])

    def script(self) -> script_pb2.Script:
        request = self._request
        overview = self._naming.named(self._story.overview) or self._summary(0, len(self._story.frames))
        script = script_pb2.Script(
            title=self._title(overview),
            overview=overview[:_OVERVIEW],
            style=self._style(request.style),
            locations=[
                script_pb2.Location(name=place, description=f"The {place} of the story.")
                for place in dict.fromkeys(self._places)
            ],
            characters=self._characters(),
            writer=WRITER,
            seed=request.seed,
            theme=request.theme,
            genre=request.genre,
            usage=common_pb2.Usage(),
        )
        for c in range(request.chapters):
            scenes = range(c * request.scenes, (c + 1) * request.scenes)
            first, stop = self._starts[scenes.start], self._starts[scenes.stop]
            here = self._places[first:stop]
            main = [place for place, _ in Counter(here).most_common(3)]
            chapter = script.chapters.add(
                index=c,
                title=f"Chapter {c + 1}: {main[0]}",
                summary=self._summary(first, stop),
                locations=main,
            )
            for s, scene in enumerate(scenes):
                chapter.scenes.append(self._scene(s, self._starts[scene], self._starts[scene + 1]))
        return script

    def _scene(self, index: int, first: int, stop: int) -> script_pb2.Scene:
        place = Counter(self._places[first:stop]).most_common(1)[0][0]
        near = self._naming.seen(" ".join(self._described[first:stop]))
        return script_pb2.Scene(
            index=index,
            title=f"At the {place}",
            summary=self._summary(first, stop),
            location=place,
            frames=[self._frame(number, near) for number in range(first, stop)],
        )

    def _frame(self, number: int, near: Sequence[str]) -> script_pb2.Frame:
        sentence, described = self._sentences[number], self._described[number]
        seen = self._naming.seen(described)
        lines = [
            self._speakers.of(self._naming.named(line), seen, near, described)
            for line in self._story.frames[number].lines
        ]
        return script_pb2.Frame(
            index=number,
            description=described,
            prompt=self._prompt(number, sentence, seen),
            location=self._places[number],
            time_of_day=self._times[number],
            dialogue=[script_pb2.DialogueLine(speaker=speaker, text=text) for speaker, text in lines],
        )

    def _prompt(self, number: int, sentence: Sentence, seen: Sequence[str]) -> str:
        drawable = all(member.looks == member.told for member in self._members)
        if sentence.ours and drawable:
            whole = f"{sentence.text}, in {STYLE_TOKEN} style"
            if self._tokens.count(whole) <= self._tokens.limit:
                return whole
        words = FrameWords(
            self._naming.named(sentence.body),
            self._looks,
            self._places[number],
            self._times[number],
            seen[:_PICTURED],
        )
        return frame_prompt(words, self._tokens)

    def _characters(self) -> list[script_pb2.Character]:
        """The two of whom is told most are the main ones."""
        told = Counter(name for text in self._described for name in self._naming.seen(text))
        main = sorted(self._looks, key=lambda name: -told[name])[:2]
        return [
            script_pb2.Character(
                name=member.name,
                role=_role(member, main),
                description=f"{member.name}, {member.looks}.",
                appearance=member.looks,
            )
            for member in self._members
        ]

    def _summary(self, first: int, stop: int) -> str:
        """How it begins and how it ends, in the story's own words."""
        told = self._described[first:stop]
        ends = [told[0]] if len(told) == 1 else [told[0], told[-1]]
        return " ".join(_sentence(text) for text in ends)

    def _title(self, overview: str) -> str:
        if quoted := _TITLE.match(overview):
            return quoted["title"]
        return " ".join((self._request.theme or overview).split()[:8]).rstrip(" .,;:!?")

    def _style(self, given: Style | None) -> script_pb2.StyleText:
        if given:
            return script_pb2.StyleText(keyword=given.keyword, description=given.description)
        keyword = style_of(self._sentences) or _DEFAULT_STYLE
        words = style_words(NAMED_STYLES[keyword.lower()]) if keyword.lower() in NAMED_STYLES else ""
        description = ", ".join(re.findall(r"(?:very )?[\w-]+", words))
        return script_pb2.StyleText(keyword=keyword, description=description)


def _role(member: Member, main: Sequence[str]) -> script_pb2.Character.Role.ValueType:
    character = script_pb2.Character
    return character.ROLE_MAIN if member.name in main else character.ROLE_SUPPORTING


def _sentence(text: str) -> str:
    text = text if len(text) <= _TOLD else text[:_TOLD].rsplit(" ", 1)[0] + " .."
    return text if text.endswith((".", "!", "?")) else f"{text}."
