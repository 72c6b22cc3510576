"""The commands `reelmill nats ..`: who may do what at a NATS of one's own."""

import json
from pathlib import Path
from typing import Annotated

import typer

from .from_kit import from_kit
from .output import notices

Projects = list[str]
Folder = Annotated[Path, typer.Argument(help="Where the keys are: NAME.nk is secret, NAME.pub is not.")]


def users(
    folder: Folder,
    publisher: Annotated[
        Projects, typer.Option(help="A project for which movies are asked by event; more than once.")
    ] = [],  # noqa: B006 - typer makes a new one
    follower: Annotated[Projects, typer.Option(help="A project whose events are read; more than once.")] = [],  # noqa: B006
) -> None:
    """Make the keys that are missing: of each service, the autoscaler, and those who are named."""

    with from_kit():
        from reelmill_kit.rights.folder import make_keys
        from reelmill_kit.rights.users import AUTOSCALER, FOLLOWER, PUBLISHER, SERVICES, BusUser

        wanted = [BusUser.of(role) for role in (*SERVICES, AUTOSCALER)]
        wanted += [BusUser.of(PUBLISHER, project) for project in publisher]
        wanted += [BusUser.of(FOLLOWER, project) for project in follower]
        made = make_keys(folder, [user.name for user in wanted])
    for seed in made:
        notices().print(f"{seed} is secret: give it to that user alone", style="dim", markup=False)


def config(folder: Folder) -> None:
    """Print the server's accounts, for an `include` in its configuration; nothing secret is in it."""

    with from_kit():
        from reelmill_kit.rights.folder import public_keys
        from reelmill_kit.rights.nats_server import configuration

        told = configuration(public_keys(folder))
    print(told, end="")


def rights(
    role: Annotated[str, typer.Argument(help="A service, autoscaler, publisher or follower.")],
    project: Annotated[str, typer.Option("--project", "-p", help="Of a publisher or follower.")] = "",
) -> None:
    """Print what a user may publish and subscribe to, for a NATS that knows its users by JWT."""

    with from_kit():
        from reelmill_kit.rights.bus import inbox
        from reelmill_kit.rights.bus import rights as rights_of
        from reelmill_kit.rights.users import BusUser

        user = BusUser.of(role, project)
        has = rights_of(user)
        answers = f"{inbox(user.name) if user.is_service else '_INBOX'}.>"
    print(json.dumps({"publish": has.publish, "subscribe": [*has.subscribe, answers]}, indent=1))
