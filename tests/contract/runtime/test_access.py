"""A service and its callers' tokens: what it says at its start, and what it never says."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from reelmill.v1 import qa_pb2, qa_pb2_grpc
from reelmill_kit.auth import Role
from reelmill_kit.auth.minting import jwks, mint, new_key
from tests.support.nats import NatsServer

from .test_missing_servers import running, said

pytestmark = pytest.mark.stack


async def ask(port: int, token: str) -> grpc.StatusCode:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            await qa_pb2_grpc.QaServiceStub(channel).ForecastQuestions(
                qa_pb2.ForecastQuestionsRequest(),
                metadata=[("authorization", f"Bearer {token}")],
                timeout=10,
            )
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def minted(key: bytes) -> str:
    return mint(
        key, issuer="us", audience="reelmill", subject="ada", projects=["a"], role=Role.READER, seconds=60
    )


async def test_keys_are_changed_without_a_restart_and_tokens_stay_out_of_the_log(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    file, key, newer = tmp_path / "keys.json", new_key(), new_key()
    file.write_text(jwks(key))
    settings = {"REELMILL_AUTH": "on", "REELMILL_AUTH_KEYS": str(file), "REELMILL_AUTH_ISSUER": "us"}
    async with running("qa", nats_server, tmp_path, **settings) as service:
        tokens = [minted(key), minted(newer)]
        # What is asked for is not right, and that is told to those alone who may ask.
        assert await ask(service.port, tokens[0]) == grpc.StatusCode.INVALID_ARGUMENT
        assert await ask(service.port, tokens[1]) == grpc.StatusCode.UNAUTHENTICATED
        file.write_text(jwks(newer))
        await asyncio.sleep(1.1)
        assert await ask(service.port, tokens[1]) == grpc.StatusCode.INVALID_ARGUMENT
        assert await ask(service.port, tokens[0]) == grpc.StatusCode.UNAUTHENTICATED
        await said(service, lambda log: "call refused" in log)
        assert not any(token.rpartition(".")[2] in service.log for token in tokens)


async def test_a_service_that_asks_for_no_tokens_warns(nats_server: NatsServer, tmp_path: Path) -> None:
    async with running("qa", nats_server, tmp_path) as service:
        await said(service, lambda log: "REELMILL_AUTH is off" in log)


@pytest.mark.parametrize("name", ["movies", "script", "render", "qa", "dataset", "gateway"])
def test_a_service_without_keys_ends_and_says_what_to_set(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"reelmill_{name}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"REELMILL_AUTH": "on"},
    )
    assert done.returncode == 1
    assert "REELMILL_AUTH_KEYS" in done.stderr
    assert "Traceback" not in done.stderr
