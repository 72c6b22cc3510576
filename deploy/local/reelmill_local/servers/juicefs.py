"""S3 by MinIO's own code, as JuiceFS carries it: a second server for contract tests."""

import subprocess
from pathlib import Path

from reelmill_local.probes import s3_ready
from reelmill_local.servers.programs import program
from reelmill_local.servers.seaweed import S3Keys
from reelmill_local.spec import ProcessSpec

HOST = "127.0.0.1"


def juicefs_gateway(folder: Path, port: int, keys: S3Keys, bucket: str) -> ProcessSpec:
    """An S3 gateway over a file system below `folder`; formats it on first use.

    It keeps no user metadata unless asked to, and ignores `If-None-Match`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    meta = f"sqlite3://{folder / 'meta.db'}"
    if not (folder / "meta.db").exists():
        format_command = [program("juicefs"), "format", "--no-update", "--storage", "file"]
        subprocess.run(
            [*format_command, "--bucket", str(folder / "blocks"), meta, "reelmill"],
            check=True,
            capture_output=True,
        )
    options = ("--no-usage-report", "--multi-buckets", "--keep-etag", "--cache-dir", str(folder / "cache"))
    return ProcessSpec(
        name="juicefs",
        command=(program("juicefs"), "gateway", *options, meta, f"{HOST}:{port}"),
        address=f"{HOST}:{port}",
        probe=s3_ready(f"{HOST}:{port}", keys.access_key, keys.secret_key, bucket),
        folder=folder,
        environment={"MINIO_ROOT_USER": keys.access_key, "MINIO_ROOT_PASSWORD": keys.secret_key},
        ready_within=60,
    )
