"""Tiny random diffusion models of both shapes, made once a test run."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> Iterator[None]:
    """Tiny models run faster so, and do not fight for cores with the rest of the tests."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the Stable Diffusion 1.x shape."""
    from reelmill_diffusion.testing import build_tiny_model

    return build_tiny_model(tmp_path_factory.mktemp("tiny") / "sd", "sd")


@pytest.fixture(scope="session")
def tiny_xl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the Stable Diffusion XL shape."""
    from reelmill_diffusion.testing import build_tiny_model

    return build_tiny_model(tmp_path_factory.mktemp("tiny") / "xl", "xl")
