"""Filters (AIP-160): `state = FAILED AND (genre = "mystery" OR theme = "*lighthouse*")`.

Of the AIP: comparisons of fields, also of nested ones; AND, OR, NOT and `-`; parentheses; strings with a
wildcard; `:` for "has". As there, OR binds stronger than AND. Not of it: functions, text without a field.
"""

from __future__ import annotations  # lark's classes are generic for type checkers only

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message
from lark import Lark, Transformer
from lark.exceptions import LarkError, UnexpectedInput

from ..errors import invalid
from .comparisons import UnfitError, comparison, field_at

LONGEST = 1000
"""Characters of a filter."""

_GRAMMAR = r"""
?start: factor (_AND? factor)*              -> all
?factor: term (_OR term)*                   -> any
?term: (_NOT | _MINUS) simple               -> negated
     | simple
?simple: FIELD OPERATOR (STRING | WORD)     -> comparison
       | "(" start ")"
_AND.2: /AND\b/
_OR.2: /OR\b/
_NOT.2: /NOT\b/
_MINUS: "-"
OPERATOR: "<=" | ">=" | "!=" | "=" | "<" | ">" | ":"
FIELD: /[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*/
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/
WORD: /[^\s()"'=<>!:,]+/
%ignore /\s+/
"""
Predicate = Callable[[Message], bool]


class Filter:
    def __init__(self, text: str, resource: type[Message], field: str = "filter") -> None:
        """An empty text takes everything. Raises INVALID_FIELD, `field`, where it is no filter or names what
        the resource has not."""
        self._matches: Predicate = lambda message: True
        if len(text) > LONGEST:
            raise invalid(field, f"has {len(text)} characters; {LONGEST} are allowed")
        if not text.strip():
            return
        try:
            self._matches = _parser(resource).parse(text)  # type: ignore[arg-type, assignment]
        except UnexpectedInput as error:
            ended = getattr(getattr(error, "token", None), "type", "") == "$END"
            place = "to its end" if ended else f"at {text[error.pos_in_stream or 0 :][:40]!r}"
            raise invalid(
                field, f'cannot be read {place}; write it like: state = FAILED AND theme = "*sea*"'
            ) from error
        except (LarkError, UnfitError) as error:
            raise invalid(field, str(getattr(error, "orig_exc", error))) from error

    def matches(self, message: Message) -> bool:
        return self._matches(message)


@lru_cache
def _parser(resource: type[Message]) -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Predicates(resource))


class _Predicates(Transformer):  # type: ignore[type-arg]
    """Makes a predicate of each part as soon as it is read, so that no depth of parentheses is too deep."""

    def __init__(self, resource: type[Message]) -> None:
        super().__init__()
        self._resource = resource

    def all(self, parts: list[Predicate]) -> Predicate:
        return parts[0] if len(parts) == 1 else lambda message: all(part(message) for part in parts)

    def any(self, parts: list[Predicate]) -> Predicate:
        return parts[0] if len(parts) == 1 else lambda message: any(part(message) for part in parts)

    def negated(self, parts: list[Predicate]) -> Predicate:
        (part,) = parts
        return lambda message: not part(message)

    def comparison(self, parts: list[Any]) -> Predicate:
        path, text = parts[0].split("."), str(parts[2])
        if parts[2].type == "STRING":
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        test = comparison(field_at(self._resource, path), str(parts[1]), text)

        def matches(message: Message) -> bool:
            value: Any = message
            for name in path:
                value = getattr(value, name)
            return test(value)

        return matches
