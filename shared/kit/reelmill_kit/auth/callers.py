"""Who calls: a subject, its projects, and what it may do in them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from ..errors import Reason, ReelmillError, invalid
from ..names import ProjectName

EVERY_PROJECT = "*"
_SUBJECT_LENGTH = 200


class Role(IntEnum):
    """Each may do what the one before may, too."""

    READER = 1
    """Looks: gets, lists, watches, forecasts."""
    MAKER = 2
    """Makes, pauses, cancels, retries; spends money."""
    ADMIN = 3
    """Deletes."""


@dataclass(frozen=True, slots=True)
class Caller:
    subject: str
    projects: frozenset[str]
    """Ids of projects, or EVERY_PROJECT."""
    role: Role

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any], projects_claim: str, role_claim: str) -> Self:
        """Raises UNAUTHENTICATED naming the claim that is none."""
        subject, projects, role = claims.get("sub"), claims.get(projects_claim), claims.get(role_claim)
        if not isinstance(subject, str) or not 1 <= len(subject) <= _SUBJECT_LENGTH:
            raise unauthenticated(f"the token's claim 'sub' is not 1 to {_SUBJECT_LENGTH} characters")
        if isinstance(projects, str):
            projects = [projects]
        if not isinstance(projects, list) or not projects or not all(map(_is_project, projects)):
            raise unauthenticated(
                f"the token's claim {projects_claim!r} is not a list of project ids, or ['{EVERY_PROJECT}']"
            )
        if not isinstance(role, str) or role.upper() not in Role.__members__:
            names = ", ".join(known.lower() for known in Role.__members__)
            raise unauthenticated(f"the token's claim {role_claim!r} is none of {names}")
        return cls(subject, frozenset(projects), Role[role.upper()])

    def sees(self, project: str) -> bool:
        return EVERY_PROJECT in self.projects or project in self.projects


def unauthenticated(problem: str) -> ReelmillError:
    """`problem` must not show the token."""
    return ReelmillError(
        Reason.UNAUTHENTICATED,
        f"{problem}; send a valid one as 'authorization: Bearer ..' "
        "(the command line takes it from --token-file or REELMILL_TOKEN_FILE)",
    )


def check_project(project: str, field: str) -> str:
    """Raises INVALID_FIELD unless it is a project's id or EVERY_PROJECT."""
    if not _is_project(project):
        raise invalid(field, f"{project[:80]!r} is neither a project's id nor '{EVERY_PROJECT}'")
    return project


def _is_project(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return value == EVERY_PROJECT or bool(ProjectName.parse(f"projects/{value}", "project"))
    except ReelmillError:
        return False
