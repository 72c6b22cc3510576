"""What is asked for and what a good theme is. No I/O."""

from dataclasses import dataclass, field
from typing import Protocol, Self

from reelmill.v1 import script_pb2
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.names import ProjectName
from reelmill_llm import Budget, Usage

TOO_LIKE = 0.5
"""Themes that share more of their word pairs than this are the same story in other words."""
_MOST = 1000


@dataclass(frozen=True, slots=True)
class ThemesRequest:
    """A checked request: a theme for each genre, in their order, none near to `known`."""

    project: ProjectName
    genres: tuple[str, ...]
    seed: int = 0
    known: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)

    @classmethod
    def parse(cls, request: script_pb2.InventThemesRequest) -> Self:
        """Raises INVALID_FIELD naming the field."""
        for name, items in (("genres", request.genres), ("known", request.known)):
            if len(items) > _MOST:
                raise invalid(name, f"has {len(items)} entries; at most {_MOST} are allowed")
        if not request.genres:
            raise invalid("genres", f"is empty; a genre for each theme is needed, 1 to {_MOST}")
        return cls(
            ProjectName.parse(request.parent, "parent"),
            tuple(validation.genre(genre, f"genres[{i}]") for i, genre in enumerate(request.genres)),
            request.seed,
            tuple(validation.theme(known, f"known[{i}]") for i, known in enumerate(request.known)),
            Budget.of(validation.budget(request.budget, "budget")),
        )


@dataclass(frozen=True, slots=True)
class Themes:
    """As many as genres were asked for, in their order."""

    themes: list[str]
    usage: Usage = field(default_factory=Usage)


class Inventor(Protocol):
    """Invents themes, no two of them alike, or raises ReelmillError."""

    async def invent(self, request: ThemesRequest) -> Themes: ...
