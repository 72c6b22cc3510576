"""The services as processes, and the settings that all of them get."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from reelmill_local.probes import grpc_ready
from reelmill_local.spec import ProcessSpec

HOST = "127.0.0.1"


def service_process(
    name: str,
    port: int,
    folder: Path,
    environment: Mapping[str, str],
    ready_within: float = 240,
    http_port: int = 0,
) -> ProcessSpec:
    """The service `reelmill_{name}`, listening on `port`, with these settings; `http_port`: by HTTP as well,
    and that is its address."""
    return ProcessSpec(
        name=name,
        command=(sys.executable, "-m", f"reelmill_{name}"),
        address=f"{HOST}:{http_port or port}",
        probe=grpc_ready(f"{HOST}:{port}"),
        folder=folder,
        environment={
            **environment,
            "REELMILL_GRPC_ADDRESS": f"{HOST}:{port}",
            "REELMILL_HELP_URL": (repository_root() / "docs" / "errors.md").as_uri(),
            "PYTHONUNBUFFERED": "1",
            **({"REELMILL_HTTP_ADDRESS": f"{HOST}:{http_port}"} if http_port else {}),
        },
        ready_within=ready_within,
        stop_within=15,
    )


def repository_root() -> Path:
    """The checkout this package is installed from; the Triton models and the starter model are there."""
    return Path(__file__).resolve().parents[3]


def starter() -> Path:
    """Where the starter model and the judge of its pictures are."""
    return repository_root() / "services" / "render" / "starter"


def diffusion_model() -> Path:
    """REELMILL_DIFFUSION_MODEL, or the starter model."""
    return Path(os.environ.get("REELMILL_DIFFUSION_MODEL") or starter() / "model").resolve()


def judge_model() -> Path | None:
    """REELMILL_JUDGE_MODEL, or the starter model's judge; None: frames are not judged.

    Our judge knows the starter model's pictures. It judges another model's only where the gate is asked for.
    """
    if chosen := os.environ.get("REELMILL_JUDGE_MODEL"):
        return Path(chosen).resolve()
    ours = starter() / "judge"
    suits = diffusion_model() == starter() / "model" or os.environ.get("REELMILL_GATE") == "on"
    return ours if suits and ours.is_dir() else None


def judge_bank(judge: Path) -> Path:
    """What a judge compares with: REELMILL_JUDGE_BANK, its own bank, or ours, which suits any judge."""
    if chosen := os.environ.get("REELMILL_JUDGE_BANK"):
        return Path(chosen).resolve()
    own = judge / "bank"
    return own if own.is_dir() else starter() / "judge" / "bank"
