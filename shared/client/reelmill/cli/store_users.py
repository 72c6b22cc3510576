"""The command `reelmill s3 policy`: what a service's keys are for, at an S3 server of one's own."""

import json
from typing import Annotated

import typer

from .from_kit import from_kit


def policy(
    role: Annotated[str, typer.Argument(help="A service, or reader: who fetches a project's movies.")],
    project: Annotated[str, typer.Option("--project", "-p", help="Of a reader.")] = "",
    bucket: Annotated[str, typer.Option(envvar="REELMILL_S3_BUCKET")] = "reelmill",
    seaweedfs: Annotated[
        bool, typer.Option("--seaweedfs", help="Actions for an identity in SeaweedFS's s3.json.")
    ] = False,
) -> None:
    """Print what keys of a role may do, as a policy of AWS, MinIO or Ceph."""
    with from_kit():
        from reelmill_kit.rights import store

        has = store.rights(role, project)
        actions = store.seaweedfs_actions(has, bucket)
        told = json.dumps(actions, indent=1) if seaweedfs else store.policy(has, bucket)
    print(told)
