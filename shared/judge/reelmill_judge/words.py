"""What a prompt says of the picture's content: without the words that say how it is drawn."""

import re
from typing import Final

_TOKEN: Final = re.compile(r"<[^<>\s]+>")
# "in noir style" between commas or at an end, and "in noir style:" at the beginning.
_PHRASE: Final = re.compile(r"(?:^|(?<=,))\s*in (?:[^,:]*\s)?style\s*(?::|(?=,)|$)", re.IGNORECASE)
_COMMAS: Final = re.compile(r"\s*,(?:\s*,)*\s*")
_SPACES: Final = re.compile(r"\s+")


def content_words(text: str) -> str:
    """`text` without "<style>" tokens and without its "in ... style" phrase.

    A text score is about content: it must not rise or fall with the style that is asked for, and no judge has
    ever seen the token of a learned style. The whole text comes back where nothing else would be left of it.
    """
    left = _PHRASE.sub("", text)
    left = _TOKEN.sub("", left)
    left = _SPACES.sub(" ", _COMMAS.sub(", ", left)).strip(" ,")
    return left or text.strip()
