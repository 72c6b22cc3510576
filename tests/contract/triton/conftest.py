"""A real Triton Inference Server with our model repository, drawing with a tiny model of either shape, and a
tiny judge."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from reelmill_local.process import SupervisedProcess
from reelmill_local.servers import triton_server
from reelmill_local.services import repository_root
from tests.support.servers import free_port
from tests.support.tiny import _one_torch_thread, tiny_sd, tiny_xl  # noqa: F401


@pytest.fixture(scope="session", params=["sd", "xl"])
def directory(request: pytest.FixtureRequest) -> Path:
    """The model that Triton draws with."""
    found: Path = request.getfixturevalue(f"tiny_{request.param}")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def triton(
    directory: Path,
    tiny_judge: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[str]:
    """Its gRPC address."""
    async with a_triton(tmp_path_factory.mktemp("triton"), directory, tiny_judge) as address:
        yield address


@asynccontextmanager
async def a_triton(folder: Path, model: Path, judge: Path, **environment: str) -> AsyncIterator[str]:
    """One with both models; its gRPC address."""
    ports = {name: free_port() for name in ("triton", "triton-http", "triton-metrics")}
    models = repository_root() / "services" / "render" / "triton-models"
    spec = triton_server(folder, ports, models, model, (judge, judge / "bank"))
    spec = replace(spec, environment={**spec.environment, "REELMILL_TORCH_THREADS": "1", **environment})
    process = SupervisedProcess(spec, folder / "triton.log", lambda line: None)
    await process.start()
    yield process.spec.address
    await process.stop()
