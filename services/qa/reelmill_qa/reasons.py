"""Finds in prose why somebody does something and what they want, and asks for it."""

import re
from collections.abc import Iterator

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_IRREGULAR = {"goes": "go", "does": "do", "has": "have"}
_WISHES = {"means": "mean", "wants": "want", "sets out": "set out", "hopes": "hope", "tries": "try"}


def reasons(prose: str, names: list[str]) -> Iterator[tuple[str, str]]:
    """Questions without their beginning ("why does Mara leave the harbour?") and answers.

    Sentences whose grammar is beyond a few patterns are passed over.
    """
    if not names:
        return
    one = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    who = rf"(?P<who>(?:{one})(?: and (?:{one}))?)"
    for text in filter(None, map(str.strip, _SENTENCE.split(prose))):
        yield from _why(text, who)
        yield from _wish(text, who)


def _why(text: str, who: str) -> Iterator[tuple[str, str]]:
    """Mara leaves because the lamp is out. / That night, because the lamp is out, Mara leaves and .."""
    patterns = (
        rf"{who} (?P<verb>\w+)(?P<rest>[^.,;:!?]*?),? (?P<why>because (?!of )[^.!?]+)[.!?]",
        rf"(?:[\w ]+, )?(?P<why>because (?!of )[^.,;:!?]+), {who} (?P<verb>\w+)(?P<rest>[^.,;:!?]*).*",
    )
    for pattern in patterns:
        match = re.fullmatch(pattern, text, re.IGNORECASE)
        if match is None:
            continue
        rest = match["rest"].split(" and ")[0]
        plural = " and " in match["who"]
        if match["verb"] in ("is", "are", "can", "must", "will", "cannot"):
            yield f"why {match['verb']} {match['who']}{rest}?", match["why"]
        elif plural:
            yield f"why do {match['who']} {match['verb']}{rest}?", match["why"]
        elif bare := _bare_form(match["verb"]):
            yield f"why does {match['who']} {bare}{rest}?", match["why"]


def _wish(text: str, who: str) -> Iterator[tuple[str, str]]:
    """Mara sets out to find the lamp. -> what does Mara set out to do?"""
    verbs = "|".join([*_WISHES, *_WISHES.values()])
    match = re.search(rf"(?:^|, ){who} (?P<verb>{verbs}) to (?P<goal>.+?)(?:, and [^.!?]*)?[.!?]$", text)
    if match is None:
        return
    plural = " and " in match["who"]
    if (match["verb"] in _WISHES) == plural:
        return
    bare = match["verb"] if plural else _WISHES[match["verb"]]
    knowing = re.match(r"(know|learn|find out) ", match["goal"])
    asked = f"to {knowing[1]}" if knowing else "to do"
    yield (
        f"what {'do' if plural else 'does'} {match['who']} {bare} {asked}?",
        f"{match['who']} {match['verb']} to {match['goal']}",
    )


def _bare_form(third: str) -> str:
    """leaves -> leave; empty for what is no verb of the third person."""
    if third in _IRREGULAR:
        return _IRREGULAR[third]
    if not third.isalpha() or not third.endswith("s") or third.endswith("ss"):
        return ""
    if third.endswith("ies") and len(third) > 4:
        return f"{third[:-3]}y"
    if third.endswith(("shes", "ches", "sses", "xes", "zzes")):
        return third[:-2]
    return third[:-1]
