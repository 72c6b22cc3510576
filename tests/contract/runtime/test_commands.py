"""What a cluster runs before and beside the services, on real servers."""

import os
import subprocess
import sys
import uuid

import pytest

from tests.support.nats import NatsServer
from tests.support.s3 import S3Server

pytestmark = pytest.mark.stack


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"reelmill_kit.commands.{module}", *arguments]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=90, check=False
    )


@pytest.fixture
def environment(seaweedfs: S3Server, nats_server: NatsServer) -> dict[str, str]:
    settings = seaweedfs.settings
    return {
        "REELMILL_NATS_URL": nats_server.url,
        "REELMILL_NATS_NKEY_FILE": str(nats_server.users.seed("movies")),
        "REELMILL_S3_ENDPOINT": settings.s3_endpoint,
        "REELMILL_S3_BUCKET": f"b-{uuid.uuid4().hex[:12]}",
        "REELMILL_S3_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
        "REELMILL_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
    }


async def test_the_topology_is_made_once_and_left_when_it_is_there(environment: dict[str, str]) -> None:
    missing = run("topology", **environment)
    assert missing.returncode == 1
    assert "does not exist" in missing.stderr.splitlines()[-1]
    for _ in range(2):
        made = run("topology", "--make-bucket", **environment)
        assert made.returncode == 0, made.stderr


async def test_wrong_keys_are_said_in_one_line(environment: dict[str, str]) -> None:
    refused = run("topology", "--make-bucket", **environment | {"REELMILL_S3_SECRET_KEY": "wrong"})
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("STORE_UNAVAILABLE")


def test_a_probe_of_nobody_fails() -> None:
    assert run("probe", "127.0.0.1:9").returncode == 1
