"""The command `reelmill s3 policy`: what a service's keys are for, at an S3 server of one's own."""

from typing import Annotated

import typer

from .output import USAGE, CommandError


def policy(
    role: Annotated[str, typer.Argument(help="A service, or reader: who fetches a project's movies.")],
    project: Annotated[str, typer.Option("--project", "-p", help="Of a reader.")] = "",
    bucket: Annotated[str, typer.Option(envvar="REELMILL_S3_BUCKET")] = "reelmill",
    seaweedfs: Annotated[
        bool, typer.Option("--seaweedfs", help="Actions for an identity in SeaweedFS's s3.json.")
    ] = False,
) -> None:
    """Print what keys of a role may do, as a policy of AWS, MinIO or Ceph."""
    try:
        import json

        from reelmill_kit.errors import ReelmillError
        from reelmill_kit.rights import store
    except ImportError as error:
        raise CommandError(
            "NOT_INSTALLED",
            f"this needs the package reelmill-kit ({error}); in a clone of the repository run `make setup`",
        ) from error
    try:
        has = store.rights(role, project)
    except ReelmillError as error:
        raise CommandError(error.reason.value, error.message, USAGE) from error
    print(
        json.dumps(store.seaweedfs_actions(has, bucket), indent=1) if seaweedfs else store.policy(has, bucket)
    )
