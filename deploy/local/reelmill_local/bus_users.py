"""Who may use the stack's NATS: each service by a key of its own, its owner, and outsiders of one project."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reelmill_kit.bus import Bus
from reelmill_kit.rights.folder import SEED, make_keys, public_keys
from reelmill_kit.rights.nats_server import configuration
from reelmill_kit.rights.seeds import public_key
from reelmill_kit.rights.users import AUTOSCALER, FOLLOWER, FRONT_DOOR, PUBLISHER, SERVICES, BusUser
from reelmill_kit.settings import ServiceSettings

PROJECT = "demo"
_OWNER = "owner"


@dataclass(frozen=True, slots=True)
class BusUsers:
    folder: Path
    """Has a file NAME.nk for each user, readable by the owner alone."""

    @classmethod
    def kept_in(cls, folder: Path) -> "BusUsers":
        """The users in this folder; keys that are missing are made."""
        users = [BusUser.of(role) for role in (*SERVICES, AUTOSCALER)]
        users += [BusUser.of(role, PROJECT) for role in (PUBLISHER, FOLLOWER)]
        make_keys(folder, [user.name for user in users])
        make_keys(folder / _OWNER, [_OWNER])
        return cls(folder)

    @property
    def owner(self) -> Path:
        """The seed of who may do everything, as the owner of the machine may."""
        return self.folder / _OWNER / f"{_OWNER}{SEED}"

    @property
    def accounts(self) -> str:
        """The server's configuration."""
        return configuration(public_keys(self.folder), [public_key(self.owner.read_text())])

    def seed(self, service: str) -> Path:
        return self.folder / f"{service}{SEED}"


async def prepare(environment: Mapping[str, str]) -> None:
    """Makes streams and consumers where no front door does, for a stage that runs alone."""
    seed = Path(environment["REELMILL_NATS_NKEY_FILE"])
    bus = Bus(
        ServiceSettings(nats_url=environment["REELMILL_NATS_URL"], nats_nkey_file=seed, nats_creds_file=None),
        FRONT_DOOR,
    )
    await bus.connect()
    await bus.close()
