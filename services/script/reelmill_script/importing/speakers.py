"""Who says a line that has no speaker. Pure: no I/O."""

import re
from collections.abc import Sequence

_SAID = re.compile(r"^(?P<name>[^:]{1,60}):\s*(?P<text>\S.*)$")
_SPEAKS = r"talk|speak|say|tell|whisper|ask|shout|answer|repl|call|explain|announc|address|murmur|discuss"


class Speakers:
    """Follows a story line by line."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._last = ""

    def of(self, line: str, seen: Sequence[str], near: Sequence[str], description: str) -> tuple[str, str]:
        """The speaker, one of the names, and the line without it.

        Where the line says it ("Mara: ..") that is who; else somebody who is seen and not spoken to, first
        who is told to speak, then whoever has not spoken last; else somebody of the scene (`near`).
        """
        if (said := _SAID.match(line)) and (name := self._known(said["name"])):
            self._last = name
            return name, said["text"]
        here, around = ([name for name in some if not _addressed(name, line)] for some in (seen, near))
        told = [name for name in here if _speaks(name, description)] or here
        in_turn = [name for name in told if name != self._last] or told
        self._last = (in_turn or around or list(seen or near or self._names))[0]
        return self._last, line

    def _known(self, text: str) -> str:
        return next((name for name in self._names if name.lower() == text.strip().lower()), "")


def _addressed(name: str, line: str) -> bool:
    """Whether the line speaks to somebody by name: nobody says their own."""
    return any(re.search(rf"\b{re.escape(word)}\b", line) for word in {name, name.split()[-1]})


def _speaks(name: str, description: str) -> bool:
    return bool(
        re.search(rf"\b{re.escape(name)} (?:is |are )?(?:\w+ )?(?:{_SPEAKS})\w*", description, re.IGNORECASE)
    )
