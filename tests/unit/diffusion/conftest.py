"""Both shapes of model, loaded once."""

from pathlib import Path

import pytest
import torch

from reelmill_diffusion import DiffusionModel, StyleEmbedding
from tests.support.tiny import _one_torch_thread, tiny_sd, tiny_xl  # noqa: F401


@pytest.fixture(scope="session")
def sd(tiny_sd: Path) -> DiffusionModel:  # noqa: F811
    return DiffusionModel.load(tiny_sd)


@pytest.fixture(scope="session")
def xl(tiny_xl: Path) -> DiffusionModel:  # noqa: F811
    return DiffusionModel.load(tiny_xl)


@pytest.fixture(scope="session", params=["sd", "xl"])
def directory(request: pytest.FixtureRequest) -> Path:
    """The directory of either shape."""
    found: Path = request.getfixturevalue(f"tiny_{request.param}")
    return found


@pytest.fixture(scope="session")
def model(directory: Path, request: pytest.FixtureRequest) -> DiffusionModel:
    loaded: DiffusionModel = request.getfixturevalue(directory.name)
    return loaded


def some_style(model: DiffusionModel, seed: int = 1, vectors: int = 3) -> StyleEmbedding:
    """A style that shows: random vectors of the size of ordinary tokens."""
    generator = torch.Generator().manual_seed(seed)
    return StyleEmbedding(
        {name: torch.randn(vectors, width, generator=generator) * 0.1 for name, width in model.widths.items()}
    ).with_digest()
