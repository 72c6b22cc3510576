"""The local stack, or parts of it, for tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from reelmill.client.channel import open_channel
from reelmill_local.stack import LocalStack


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random model of the Stable Diffusion 1.x shape, drawing 64 x 64 pixels in a moment."""
    from reelmill_diffusion.testing import build_tiny_model  # needs torch, which most tests do without

    return str(build_tiny_model(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="session")
def triton(
    tiny_model: str, tiny_judge: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStack]:
    """Triton alone, drawing with the tiny model and judging with the tiny judge."""
    environment = {
        "REELMILL_DIFFUSION_MODEL": tiny_model,
        "REELMILL_JUDGE_MODEL": str(tiny_judge),
        "REELMILL_TORCH_THREADS": "1",
    }
    folder = tmp_path_factory.mktemp("triton")
    with LocalStack(folder, only=("triton",), environment=environment) as stack:
        yield stack


@pytest.fixture(scope="session")
def whole_stack(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Everything a user runs, with a diffusion model that draws in a moment."""
    environment = {
        "REELMILL_DIFFUSION_MODEL": tiny_model,
        "REELMILL_TORCH_THREADS": "1",
        "REELMILL_JOB_ACK_WAIT": "5",  # tests do not wait long for dead workers
        "REELMILL_RECONCILE_INTERVAL": "5",
    }
    with LocalStack(tmp_path_factory.mktemp("whole"), environment=environment) as stack:
        yield stack
        # Services do no more than they may; what a stranger tries has tests of its own.
        log = (stack.folder / "logs" / "nats.log").read_text()
        assert not [line for line in log.splitlines() if " Violation " in line]


def channel_to(stack: LocalStack, service: str) -> grpc.aio.Channel:
    """As the stack's owner."""
    return open_channel(stack.addresses[service], stack.credentials, ())


def settings_of(stack: LocalStack) -> dict[str, str]:
    """An environment for a program that uses this stack."""
    return {**os.environ, **stack.environment}
