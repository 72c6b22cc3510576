"""Who may read, write and list which objects. The only such place; a test walks all of it.

Projects stand in the middle of keys, so a service's rights are patterns, not prefixes.
"""

import json
from dataclasses import dataclass

from ..errors import invalid
from ..names import ProjectName
from .users import FRONT_DOOR

READER = "reader"
PROBE = ".reelmill/may-write"
"""What each service writes before it says that it is ready."""
_PROBES = ".reelmill/*"  # SeaweedFS takes a pattern without `*` for a bucket's name


@dataclass(frozen=True, slots=True)
class StoreRights:
    """Patterns of keys, as S3's policies have them: `*` is any characters, '/' too. Who writes may delete."""

    read: tuple[str, ...]
    write: tuple[str, ...] = ()
    list: tuple[str, ...] = ()


def rights(role: str, project: str = "") -> StoreRights:
    """Of a service, or of who reads a project's movies and releases.

    Raises INVALID_FIELD: a role that is none, a project that is no id, or one too many or missing.
    """
    if role == READER:
        own = f"{ProjectName.parse(f'projects/{project}', 'project')}/*"
        return StoreRights(read=(own,), list=(own,))
    if role not in _SERVICES:
        raise invalid("role", f"{role[:80]!r} is not one of {', '.join(ROLES)}")
    if project:
        raise invalid("project", f"the role {role} is of no project")
    service = _SERVICES[role]
    return StoreRights((*service.read, _PROBES), (*service.write, _PROBES), service.list)


_ALL = ("projects/*",)
_MOVIE = "projects/*/movies/*"
_QA = (f"{_MOVIE}/questions.json", f"{_MOVIE}/captions.json", f"{_MOVIE}/qa/*")
_SERVICES = {
    FRONT_DOOR: StoreRights(
        read=_ALL, write=(f"{_MOVIE}/*", "projects/*/batches/*", "projects/*/usage/*"), list=_ALL
    ),
    # A story to import may lie anywhere in its project.
    "script": StoreRights(
        read=_ALL, write=(f"{_MOVIE}/script.json", f"{_MOVIE}/script/*", "projects/*/themes/*"), list=_ALL
    ),
    # So may a picture whose style is to be learned.
    "style": StoreRights(read=_ALL, write=("projects/*/styles/*",), list=("projects/*/styles/*",)),
    # So may the embedding of one.
    "render": StoreRights(read=_ALL, write=(f"{_MOVIE}/frames/*",), list=(f"{_MOVIE}/frames/*",)),
    "qa": StoreRights(
        read=(f"{_MOVIE}/script.json", *_QA),
        write=_QA,
    ),
    "dataset": StoreRights(
        read=_ALL,
        write=(
            f"{_MOVIE}/exports/*",
            f"{_MOVIE}/manifest.json",
            "projects/*/releases/*",
            "projects/*/release-files/*",
            "projects/*/release-attempts/*",
            "projects/*/benchmarks/*",
        ),
        list=_ALL,
    ),
}
SERVICES = tuple(_SERVICES)
"""Those that touch the object store."""
ROLES = (*SERVICES, READER)


def seaweedfs_actions(has: StoreRights, bucket: str) -> list[str]:
    """Of an identity in SeaweedFS's s3.json."""
    kinds = (("Read", has.read), ("Write", has.write), ("List", has.list))
    return [f"{kind}:{bucket}/{pattern}" for kind, patterns in kinds for pattern in patterns]


def policy(has: StoreRights, bucket: str) -> str:
    """As AWS, MinIO and Ceph have it, in JSON.

    All names may be listed: else these servers say of what is not there that it is forbidden.
    """

    def allow(actions: list[str], patterns: tuple[str, ...]) -> dict[str, object]:
        resources = [f"arn:aws:s3:::{bucket}/{pattern}" for pattern in patterns]
        return {"Effect": "Allow", "Action": actions, "Resource": resources}

    names = {
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
        "Resource": [f"arn:aws:s3:::{bucket}"],
    }
    statements = [names, allow(["s3:GetObject"], has.read)]
    if has.write:
        writing = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        statements.append(allow(writing, has.write))
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1)
