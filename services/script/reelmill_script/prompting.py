"""Frame prompts from frame descriptions, within what the text encoders of the model that draws can read."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reelmill_world import without_article

from .domain import STYLE_TOKEN
from .tokens import BoundedTokens, PromptTokens

_DETAILS = re.compile(r"[, ]+(?:with|in|wearing|who|whose|and)\b.*|,.*")
# What a picture cannot show goes first, then what else hangs on the sentence, the last of it first.
_UNSEEN = "because|so that|as if|as though|wondering|thinking|hoping|remembering|knowing|although|before"
_WHILE = r"while|as (?:he|she|it|they|the)"
_CLAUSE = re.compile(rf"(?:[,;:]\s*|\s+(?=(?:{_WHILE}|{_UNSEEN})\b))", re.IGNORECASE)
_UNSEEN_CLAUSE = re.compile(rf"\W*(?:{_UNSEEN})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FrameWords:
    """What a frame's prompt is made of.

    `looks`: appearance by character name. `seen`: who is in the picture, at most two names of `looks`; their
    looks stand in the prompt word for word, whatever else is left out.
    """

    description: str
    looks: Mapping[str, str]
    location: str
    time_of_day: str
    seen: Sequence[str] = ()

    @property
    def tail(self) -> str:
        return f", in the {self.location}, {self.time_of_day}, in {STYLE_TOKEN} style"


def frame_prompt(words: FrameWords, tokens: PromptTokens | None = None) -> str:
    """What the diffusion model is asked for: names give way to looks, then place, time and style.

    Of a description that is too long whole clauses are left out; a single one is cut at a word.
    """
    tokens = tokens or BoundedTokens()
    limit = tokens.limit - tokens.count(words.tail)
    body = fitted(_without_names(words.description, words.looks), limit, tokens)
    looks = [words.looks[name] for name in words.seen]
    if not all(without_article(look) in body for look in looks):
        people = " and ".join(looks)
        rest = _without_names(words.description, words.looks, brief=words.seen)
        room = limit - tokens.count(f"{people}, ")
        body = f"{people}, {fitted(rest, room, tokens)}" if room > 0 else shortened(people, limit, tokens)
    return body.rstrip(" ,") + words.tail


def too_long_by(words: FrameWords, tokens: PromptTokens) -> int:
    """Tokens by which the whole prompt passes the limit, none of it left out; 0 or less where it fits."""
    body = _without_names(words.description, words.looks).rstrip(" .,;:!?-")
    return tokens.count(body + words.tail) - tokens.limit


def fitted(text: str, limit: int, tokens: PromptTokens) -> str:
    """The text in at most `limit` tokens: without whole clauses, and shortened if its first is too long."""
    starts = [0, *(match.start() for match in _CLAUSE.finditer(text))]
    clauses = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    order = sorted(range(1, len(clauses)), key=lambda i: (not _UNSEEN_CLAUSE.match(clauses[i]), -i))
    kept = set(range(len(clauses)))
    for index in order:
        if tokens.count(_joined(clauses, kept)) <= limit:
            break
        kept.discard(index)
    return shortened(_joined(clauses, kept), limit, tokens)


def _joined(clauses: Sequence[str], kept: Collection[int]) -> str:
    text = "".join(clause for index, clause in enumerate(clauses) if index in kept)
    return " ".join(text.split()).rstrip(" .,;:!?-")


def shortened(text: str, limit: int, tokens: PromptTokens | None = None) -> str:
    """The text without its end, if need be: as many whole words as have at most `limit` tokens."""
    tokens = tokens or BoundedTokens()
    words = text.split()
    while words and tokens.count(" ".join(words)) > limit:
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
