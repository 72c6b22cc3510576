"""What every training loop shares: a folder, atomic checkpoints, a pause file, a schedule, progress lines."""

import math
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


def choose_device(name: str = "auto") -> torch.device:
    """The device of this name; `auto` is the first GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """What a model card calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{os.cpu_count()} CPU cores ({platform.machine()})"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Working files of one training; everything a later start needs to go on is in it."""

    path: Path

    def checkpoint(self, name: str) -> Path:
        """Where the state of the stage `name` is kept."""
        return self.path / f"{name}.pt"

    def load(self, name: str) -> dict[str, Any] | None:
        """The last saved state, or None at the first start."""
        path = self.checkpoint(name)
        if not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Replaces the saved state; a crash leaves the old or the new one, never half of one."""
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.checkpoint(name)
        draft = path.with_suffix(".draft")
        torch.save(state, draft)
        os.replace(draft, path)

    def wait_while_paused(self) -> float:
        """Sleeps while a file PAUSE lies in the folder; returns the seconds slept."""
        start = time.monotonic()
        while (self.path / "PAUSE").exists():
            time.sleep(1.0)
        return time.monotonic() - start


def part_of(state: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """The weights of the part `name` of a larger module's state, by their names within it."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def say(message: str) -> None:
    """A progress line on stderr."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def cosine(progress: float, floor: float = 0.02) -> float:
    """A factor falling from 1 to `floor` as `progress` goes from 0 to 1."""
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, progress))))


def update_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Moves the exponential moving average a step towards `model`."""
    with torch.no_grad():
        old: list[torch.Tensor] = list(average.parameters())
        new: list[torch.Tensor] = list(model.parameters())
        torch._foreach_lerp_(old, new, 1 - decay)
