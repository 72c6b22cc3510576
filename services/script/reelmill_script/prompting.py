"""Frame prompts from frame descriptions, within what a CLIP text encoder reads."""

import re
from collections.abc import Collection, Mapping, Sequence

from reelmill_world import without_article

from .domain import STYLE_TOKEN

TOKEN_LIMIT = 75  # 77 less the tokens that begin and end a text
_STYLE_VECTORS = 4  # a learned style may take as many tokens as it has vectors
_PIECES = re.compile(rf"{re.escape(STYLE_TOKEN)}|[A-Za-z]+|\d|[^\sA-Za-z\d]")
_DETAILS = re.compile(r"[, ]+(?:with|in|wearing|who|whose|and)\b.*|,.*")


def token_bound(text: str) -> int:
    """At most how many tokens a CLIP tokenizer makes of ordinary English.

    Words of up to nine letters count one, longer ones more, digits and signs one each, other letters
    one a byte.
    """
    total = 0
    for piece in _PIECES.findall(text):
        if piece == STYLE_TOKEN:
            total += _STYLE_VECTORS
        elif piece.isascii():
            total += 1 if len(piece) <= 9 else 1 + (len(piece) - 1) // 8
        else:
            total += len(piece.encode())
    return total


def frame_prompt(
    description: str, looks: Mapping[str, str], location: str, time_of_day: str, seen: Sequence[str] = ()
) -> str:
    """What the diffusion model is asked for: names give way to looks, then place, time and style.

    `looks`: appearance by character name. `seen`: who is in the picture, at most two names of `looks`; their
    looks stand in the prompt word for word, whatever else is cut off. What is too long is cut off the
    description, at a word.
    """
    tail = f", in the {location}, {time_of_day}, in {STYLE_TOKEN} style"
    limit = TOKEN_LIMIT - token_bound(tail)
    body = shortened(_without_names(description, looks), limit)
    if not all(without_article(looks[name]) in body for name in seen):
        people = " and ".join(looks[name] for name in seen)
        body = shortened(f"{people}, {_without_names(description, looks, brief=seen)}", limit)
    return body + tail


def shortened(text: str, limit: int) -> str:
    """The text without its end, if need be: as many whole words as have at most `limit` tokens."""
    words = text.split()
    while words and token_bound(" ".join(words)) > limit:
        words.pop()
    return " ".join(words).rstrip(" .,;:!?-")


def _without_names(description: str, looks: Mapping[str, str], brief: Collection[str] = ()) -> str:
    """Each name becomes its bearer's looks, and "the tall woman" from the second time on or if in `brief`."""
    text = description.replace(STYLE_TOKEN, "")  # it stands at one place only, and that is ours
    # Longer names first, so that "Ann" does not take the beginning of "Ann Lee".
    for name in sorted(looks, key=len, reverse=True):
        said = int(name in brief)

        def instead(match: re.Match[str], look: str = looks[name]) -> str:
            nonlocal said
            said += 1
            phrase = look if said == 1 else _brief(look)
            return phrase + ("'s" if match[1] else "")

        text = re.sub(rf"\b{re.escape(name)}(['’]s?)?(?![\w])", instead, text)
    return text


def _brief(look: str) -> str:
    """From "a tall woman with red hair": "the tall woman"."""
    return f"the {without_article(_DETAILS.sub('', look))}"
