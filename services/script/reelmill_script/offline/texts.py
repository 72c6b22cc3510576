"""The story texts: TOML files beside this module, and how their slots are filled."""

import string
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """The file `texts/{name}.toml`; do not change what it returns."""
    return tomllib.loads(resources.files(__package__).joinpath(f"texts/{name}.toml").read_text("utf-8"))


class _Filler(string.Formatter):
    """`{slot}` and `{slot.attribute}`; `{Slot}` and `{slot.Attribute}` begin with a capital."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        slot, _, attribute = field_name.partition(".")
        known = slot in kwargs
        value = kwargs[slot] if known else capital(str(kwargs[slot[0].lower() + slot[1:]]))
        if attribute:
            value = getattr(value, attribute.lower())
            value = capital(str(value)) if attribute[0].isupper() else value
        return value, slot


_FILLER = _Filler()


def fill(template: str, slots: Mapping[str, Any]) -> str:
    """The template with its slots filled. Raises KeyError for a slot that is not there."""
    return _FILLER.vformat(template, (), slots)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def title_case(text: str) -> str:
    small, words = load("lexicon")["words"]["small"], text.split()
    return " ".join(word if i and word.lower() in small else capital(word) for i, word in enumerate(words))


def joined(parts: Sequence[str]) -> str:
    """Words in a row: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
