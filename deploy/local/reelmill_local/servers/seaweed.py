"""S3 by SeaweedFS."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reelmill_kit.rights.store import rights, seaweedfs_actions
from reelmill_local.probes import s3_ready
from reelmill_local.servers.programs import program
from reelmill_local.spec import ProcessSpec

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class S3Keys:
    """What a client needs beside the address."""

    access_key: str
    secret_key: str

    @classmethod
    def kept_in(cls, file: Path) -> "S3Keys":
        """The keys in this file; makes both, readable by the owner alone, when it does not exist."""
        if file.exists():
            return cls(**json.loads(file.read_text()))
        keys = cls(access_key=secrets.token_hex(10), secret_key=secrets.token_urlsafe(30))
        write_private(file, json.dumps(asdict(keys)))
        return keys

    @classmethod
    def of_each(cls, names: Iterable[str], folder: Path) -> "dict[str, S3Keys]":
        """Keys by name, each in a file of its own in the folder."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {name: cls.kept_in(folder / f"{name}.json") for name in names}


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner can read, at no moment anybody else."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


def _identity(name: str, keys: S3Keys, actions: list[str]) -> dict[str, Any]:
    credentials = [{"accessKey": keys.access_key, "secretKey": keys.secret_key}]
    return {"name": name, "credentials": credentials, "actions": actions}


def seaweed_server(
    folder: Path, ports: Mapping[str, int], keys: S3Keys, bucket: str, services: Mapping[str, S3Keys]
) -> ProcessSpec:
    """An S3 server with one bucket, its data below `folder`.

    Args:
        folder: Where data and configuration go.
        ports: For "s3" and for the server's own parts, see reelmill_local.ports.INTERNAL.
        keys: The identity that may do everything.
        bucket: Made when it is not there.
        services: Their keys by name; each may do what reelmill_kit.rights.store lists.
    """
    folder.mkdir(parents=True, exist_ok=True)
    identities = [_identity("reelmill", keys, ["Admin", "Read", "Write", "List"])]
    for name, own in services.items():
        identities.append(_identity(name, own, seaweedfs_actions(rights(name), bucket)))
    write_private(folder / "s3.json", json.dumps({"identities": identities}))
    options = {
        "ip": HOST,
        "ip.bind": HOST,
        "dir": str(folder),
        "master.telemetry": "false",
        # One master alone wins every election; the default has it wait 10 s for others after a crash.
        "master.electionTimeout": "1s",
        "master.port": ports["master"],
        "master.port.grpc": ports["master-rpc"],
        # 0: as many volumes as the disk has room for. The default, 8, is used up by one bucket.
        "master.volumeSizeLimitMB": 256,
        "volume.max": 0,
        "volume.port": ports["volume"],
        "volume.port.grpc": ports["volume-rpc"],
        # Time for a load balancer to look elsewhere; there is none here.
        "volume.preStopSeconds": 0,
        "filer.port": ports["filer"],
        "filer.port.grpc": ports["filer-rpc"],
        # Relative to the working folder: a socket's path may have 107 characters only.
        "filer.localSocket": "filer.sock",
        "s3.config": str(folder / "s3.json"),
        "s3.port": ports["s3"],
        "s3.port.grpc": ports["s3-rpc"],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": "s3.sock",
    }
    return ProcessSpec(
        name="s3",
        command=(
            program("weed"),
            "-logtostderr",
            "server",
            "-s3",
            *(f"-{name}={value}" for name, value in options.items()),
        ),
        address=f"{HOST}:{ports['s3']}",
        probe=s3_ready(f"{HOST}:{ports['s3']}", keys.access_key, keys.secret_key, bucket),
        folder=folder,
        ready_within=60,
        # Asked to end, it waits for streams between its own parts. What it acknowledged is in its files.
        stop_within=2,
        leftovers=tuple(
            f"/tmp/seaweedfs-{part}-grpc-{ports[key]}.sock"  # noqa: S108 - SeaweedFS chooses the place
            for part, key in (
                ("master", "master-rpc"),
                ("volume", "volume-rpc"),
                ("filer", "filer-rpc"),
                ("s3", "s3-rpc"),
            )
        ),
    )
