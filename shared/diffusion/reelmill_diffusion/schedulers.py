"""Schedulers: which ones a caller may name, and a fresh one for each batch."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

from .errors import InputError, ModelError

# Those of diffusers that take the usual `step(prediction, timestep, latents)` and need no further package.
NAMES = (
    "DDIMScheduler",
    "DDPMScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "LCMScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
)
_PREDICTIONS = ("epsilon", "v_prediction", "sample")


def name_of(scheduler: Any) -> str:
    return type(scheduler).__name__


def check_scheduler(own: Any, name: str) -> None:
    """Raises InputError unless `name` can draw with a model whose own scheduler is `own`; "" is its own."""
    if name in ("", name_of(own)):
        return
    if name not in NAMES:
        raise InputError("scheduler", f"{name[:60]!r} is none of {', '.join(NAMES)}")
    if own.config.get("rescale_betas_zero_snr") and "rescale_betas_zero_snr" not in _options(name):
        raise InputError("scheduler", f"{name} cannot draw with this model: it was trained to pure noise")


def make_scheduler(own: Any, name: str) -> Any:
    """A new scheduler, with the noise schedule and prediction type of the model's own."""
    check_scheduler(own, name)
    chosen = type(own) if name in ("", name_of(own)) else _class(name)
    return chosen.from_config(own.config)


def check_training(directory: Path, own: Any) -> None:
    """Raises ModelError unless the scheduler describes a model of noise that this package knows."""
    prediction = own.config.get("prediction_type", "epsilon")
    if prediction not in _PREDICTIONS or "beta_schedule" not in own.config:
        raise ModelError(
            f"{directory}: {name_of(own)} with prediction type {prediction!r} is not supported; "
            f"known are {', '.join(_PREDICTIONS)} with betas"
        )


def _class(name: str) -> Any:
    return getattr(import_module("diffusers"), name)


def _options(name: str) -> set[str]:
    return set(inspect.signature(_class(name).__init__).parameters)
