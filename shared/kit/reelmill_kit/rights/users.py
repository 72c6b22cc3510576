"""Who connects to NATS: the services, the autoscaler, and a project's publisher and follower."""

from dataclasses import dataclass

from ..errors import invalid
from ..names import STAGE_NAMES, ProjectName

FRONT_DOOR, GATEWAY = "movies", "gateway"
SERVICES = (FRONT_DOOR, *STAGE_NAMES.values(), GATEWAY)
AUTOSCALER, PUBLISHER, FOLLOWER = "autoscaler", "publisher", "follower"
OF_A_PROJECT = (PUBLISHER, FOLLOWER)
ROLES = (*SERVICES, AUTOSCALER, *OF_A_PROJECT)


@dataclass(frozen=True, slots=True, order=True)
class BusUser:
    role: str
    project: str = ""
    """Of a publisher or follower alone."""

    @classmethod
    def of(cls, role: str, project: str = "") -> "BusUser":
        """Raises INVALID_FIELD: a role that is none, a project that is no id, or one too many or missing."""
        if role not in ROLES:
            raise invalid("role", f"{role[:80]!r} is not one of {', '.join(ROLES)}")
        if role not in OF_A_PROJECT:
            if project:
                raise invalid("project", f"the role {role} is of no project")
            return cls(role)
        # What is no id could be a wildcard, or more of a subject than one part.
        return cls(role, ProjectName.parse(f"projects/{project}", "project").project)

    @classmethod
    def parse(cls, name: str) -> "BusUser":
        """From `name`. Raises INVALID_FIELD."""
        role, _, project = name.partition("_")
        return cls.of(role, project)

    @property
    def name(self) -> str:
        """Ids have no '_': two users never have one name."""
        return f"{self.role}_{self.project}" if self.project else self.role

    @property
    def is_service(self) -> bool:
        return self.role in SERVICES
