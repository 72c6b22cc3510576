from collections.abc import AsyncIterator

import pytest

from reelmill_local.stack import LocalStack
from reelmill_render.connection import TritonConnection
from tests.support.servers import free_port


@pytest.fixture
async def connection(triton: LocalStack) -> AsyncIterator[TritonConnection]:
    made = TritonConnection(triton.addresses["triton"])
    yield made
    await made.close()


@pytest.fixture
async def nobody() -> AsyncIterator[TritonConnection]:
    """To where no Triton is."""
    made = TritonConnection(f"127.0.0.1:{free_port()}")
    yield made
    await made.close()
