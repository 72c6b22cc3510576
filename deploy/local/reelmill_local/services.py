"""The six services as processes, and the settings that all of them get."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from reelmill_local.probes import grpc_ready
from reelmill_local.spec import ProcessSpec

HOST = "127.0.0.1"


def service_process(
    name: str, port: int, folder: Path, environment: Mapping[str, str], ready_within: float = 240
) -> ProcessSpec:
    """The service `reelmill_{name}`, listening on `port`, with these settings."""
    return ProcessSpec(
        name=name,
        command=(sys.executable, "-m", f"reelmill_{name}"),
        address=f"{HOST}:{port}",
        probe=grpc_ready(f"{HOST}:{port}"),
        folder=folder,
        environment={
            **environment,
            "REELMILL_GRPC_ADDRESS": f"{HOST}:{port}",
            "PYTHONUNBUFFERED": "1",
        },
        ready_within=ready_within,
        stop_within=15,
    )


def repository_root() -> Path:
    """The checkout this package is installed from; the Triton models and the starter model are there."""
    return Path(__file__).resolve().parents[3]


def diffusion_model() -> Path:
    """REELMILL_DIFFUSION_MODEL, or the starter model."""
    starter = repository_root() / "services" / "render" / "starter" / "model"
    return Path(os.environ.get("REELMILL_DIFFUSION_MODEL") or starter).resolve()
