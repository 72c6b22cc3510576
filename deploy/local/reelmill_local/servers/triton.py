"""Triton Inference Server with the Python backend, from the wheel that carries it."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from reelmill_local.libpython import library_folder, library_name
from reelmill_local.probes import http_ready
from reelmill_local.servers.programs import NotInstalledError
from reelmill_local.spec import ProcessSpec

HOST = "127.0.0.1"


def triton_server(
    folder: Path,
    ports: Mapping[str, int],
    repository: Path,
    model: Path,
    judge: tuple[Path, Path] | None = None,
) -> ProcessSpec:
    """Triton with the models of `repository`, run by this Python and its packages.

    Args:
        folder: Where the Python backend is put together.
        ports: For "triton" (gRPC), "triton-http" and "triton-metrics".
        repository: A Triton model repository.
        model: The diffusion model, a directory in diffusers format.
        judge: The judge of its pictures, our own or a CLIP, and its bank; None: none is served.

    Raises:
        NotInstalledError: The server, its stub for this Python, libpython, the model or the judge is missing.
    """
    wheel = Path(sys.prefix) / "triton"
    server = wheel / "pytriton" / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.exists():
        raise NotInstalledError(
            f"Triton's Python backend for Python {version} is not at {stub}; run `make setup`"
        )
    if not (model / "model_index.json").exists():
        raise NotInstalledError(
            f"{model} is no directory in diffusers format (it has no model_index.json); "
            "REELMILL_DIFFUSION_MODEL says where the diffusion model is"
        )
    if judge is not None and not any((judge[0] / name).exists() for name in ("judge.json", "config.json")):
        raise NotInstalledError(
            f"{judge[0]} is neither a judge (it has no judge.json) nor a CLIP (no config.json); "
            "REELMILL_JUDGE_MODEL says where the judge of pictures is"
        )
    libpython = library_folder()
    if libpython is None:
        raise NotInstalledError(
            f"Triton needs {library_name()}; on Debian and Ubuntu: apt-get install libpython{version}"
        )
    backends = folder / "backends"
    shutil.copytree(server / "backends" / "python", backends / "python", dirs_exist_ok=True)
    shutil.copy2(stub, backends / "python" / stub.name)
    memory = f"reelmill_triton_{ports['triton']}_"
    options = {
        "model-repository": repository,
        "backend-directory": backends,
        "http-address": HOST,
        "http-port": ports["triton-http"],
        "grpc-address": HOST,
        "grpc-port": ports["triton"],
        "metrics-address": HOST,
        "metrics-port": ports["triton-metrics"],
        "exit-timeout-secs": 10,
        "model-control-mode": "explicit",
        # A name of its own for the memory shared with the backend: what a crash leaves can be removed.
        "backend-config": f"python,shm-region-prefix-name={memory}",
    }
    return ProcessSpec(
        name="triton",
        command=(
            str(server / "bin" / "tritonserver"),
            *(f"--{name}={value}" for name, value in options.items()),
            "--load-model=diffusion",
            *(["--load-model=judge"] if judge else []),
        ),
        address=f"{HOST}:{ports['triton']}",
        probe=http_ready(f"http://{HOST}:{ports['triton-http']}/v2/health/ready"),
        folder=folder,
        environment={
            # The embedded interpreter ignores PYTHONPATH: it takes the packages of the first python3 on PATH.
            "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            # This interpreter's own library first: another build cannot load the packages' compiled parts.
            "LD_LIBRARY_PATH": f"{libpython}:{wheel / 'nvidia_pytriton.libs'}",
            "REELMILL_DIFFUSION_MODEL": str(model),
            **(_judging(*judge) if judge else {}),
        },
        ready_within=300,
        stop_within=15,
        leftovers=(f"/dev/shm/{memory}*",),  # noqa: S108 - POSIX shared memory is there
        hint="a model did not load: see REELMILL_DIFFUSION_MODEL (a directory in diffusers format), "
        "REELMILL_JUDGE_MODEL (a judge or a CLIP), free memory (2 GB are enough for the starter model) and "
        "free space in /dev/shm (64 MB)",
    )


def _judging(judge: Path, bank: Path) -> dict[str, str]:
    return {"REELMILL_JUDGE_MODEL": str(judge), "REELMILL_JUDGE_BANK": str(bank)}
