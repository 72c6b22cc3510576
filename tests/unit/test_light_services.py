"""Services that draw nothing themselves are installed, and run, where there is no PyTorch."""

import subprocess
import sys

import pytest

_WITHOUT = """
import importlib, sys
for name in ("torch", "diffusers", "transformers", "reelmill_diffusion"):
    sys.modules[name] = None  # importing it fails
importlib.import_module(sys.argv[1])
"""


@pytest.mark.parametrize(
    "module",
    ["reelmill_movies.main", "reelmill_script.main", "reelmill_render.main", "reelmill_qa.main",
     "reelmill_dataset.main", "reelmill_gateway.main", "reelmill.cli"],
)  # fmt: skip
def test_a_light_service_starts_without_torch(module: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _WITHOUT, module], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr


def test_what_asks_a_pod_for_its_health_every_few_seconds_loads_little() -> None:
    code = "import sys, reelmill_kit.commands.probe as _; print({'pydantic', 'structlog'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "set()"
