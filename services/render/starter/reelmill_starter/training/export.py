"""Writes the trained model as a directory that stock StableDiffusionPipeline opens, with its card."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from safetensors.torch import save_file

from reelmill_starter.training.adopting import RECORD, STYLES, adopted, is_kept
from reelmill_starter.training.autoencoder import load_autoencoder
from reelmill_starter.training.diffusion import Denoiser
from reelmill_starter.training.parts import new_text_encoder, new_unet, noise_schedule
from reelmill_starter.training.pictures import SIZE
from reelmill_starter.training.run import RunFolder
from reelmill_starter.training.styling import VECTOR_COUNTS, StyleVectors
from reelmill_starter.training.words import load_tokenizer
from reelmill_world import OBJECTS, PLACES, STYLE_AXES

MAX_MEGABYTES = 60
DEFAULT_STEPS = 8
DEFAULT_GUIDANCE = 3.0
DEFAULT_SIZE = SIZE


@dataclass(frozen=True, slots=True)
class Trained:
    """A pipeline in float32, what only training needs, and the record of how it was trained."""

    pipeline: StableDiffusionPipeline
    styles: StyleVectors
    record: dict[str, Any]


def load_trained(folder: RunFolder) -> Trained:
    """The averaged weights of the last checkpoint; raises FileNotFoundError where a stage is missing."""
    state = folder.load("diffusion")
    if state is None:
        raise FileNotFoundError(f"{folder.checkpoint('diffusion')}: train the diffusion model first")
    tokenizer = load_tokenizer(folder.path / "tokenizer")
    parts = Denoiser(new_unet(), new_text_encoder(tokenizer), StyleVectors(1.0))
    parts.load_state_dict(state["average"])
    autoencoder = load_autoencoder(folder)
    autoencoder.register_to_config(scaling_factor=round(state["scale"], 6))
    pipeline = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=parts.text_encoder.eval(),
        tokenizer=tokenizer,
        unet=parts.unet.eval(),
        scheduler=DPMSolverMultistepScheduler.from_config(noise_schedule().config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    history = [list(map(float, row)) for row in state["history"]]
    record = {
        "images": state["images"],
        "steps": state["step"],
        "seconds": state["seconds"],
        "batch": state["batch"],
        "hardware": state["hardware"],
        "history": history,
    }
    return Trained(pipeline, parts.styles, record)


def export(folder: RunFolder, target: Path, *, seed: int, command: str) -> float:
    """Replaces `target` by the model in float16 with its README.md; returns its size in megabytes.

    Raises ValueError, leaving `target` as it was, if the model is larger than `MAX_MEGABYTES`.
    """
    trained = load_trained(folder)
    draft = target.with_name(target.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    trained.pipeline.to(torch.float16).save_pretrained(draft, safe_serialization=True)
    # Both generations of transformers read these two; the newer one's own file would only repeat them.
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copyfile(folder.path / "tokenizer" / name, draft / "tokenizer" / name)
    (draft / "tokenizer" / "tokenizer.json").unlink(missing_ok=True)
    _load_as_float32(draft / "text_encoder" / "config.json")
    defaults = {
        "default_steps": DEFAULT_STEPS,
        "default_guidance_scale": DEFAULT_GUIDANCE,
        "default_size": DEFAULT_SIZE,
    }
    (draft / "reelmill.json").write_text(json.dumps(defaults, indent=2) + "\n", "utf-8")
    styles = {name: weight.half().contiguous() for name, weight in trained.styles.state_dict().items()}
    save_file(styles, draft / STYLES)
    (draft / STYLES).chmod(0o644)  # safetensors writes for the owner alone
    (draft / RECORD).write_text(json.dumps(trained.record, indent=1) + "\n", "utf-8")
    autoencoder, text = folder.load("autoencoder") or {}, folder.load("text") or {}
    (draft / "README.md").write_text(
        _card(trained, autoencoder, text, adopted(folder), seed, command, _notes(folder)), "utf-8"
    )
    size = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file()) / 1e6
    if size > MAX_MEGABYTES:
        shutil.rmtree(draft)
        raise ValueError(f"the model takes {size:.1f} MB, more than {MAX_MEGABYTES}")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    return size


def _load_as_float32(config: Path) -> None:
    """Weights are stored in float16 for size alone; transformers would otherwise compute in it."""
    settings = json.loads(config.read_text("utf-8"))
    settings.pop("torch_dtype", None)
    config.write_text(json.dumps({**settings, "dtype": "float32"}, indent=2) + "\n", "utf-8")


def _notes(folder: RunFolder) -> str:
    """What was written down in the folder's notes.md about a run that was not the plain command."""
    path = folder.path / "notes.md"
    return f"\n{path.read_text('utf-8').strip()}\n" if path.exists() else ""


def _card(
    trained: Trained,
    autoencoder: dict[str, Any],
    text: dict[str, Any],
    begun: dict[str, Any] | None,
    seed: int,
    command: str,
    notes: str,
) -> str:
    record, pipeline = trained.record, trained.pipeline
    sizes = {
        name: sum(p.numel() for p in getattr(pipeline, name).parameters()) / 1e6
        for name in ("unet", "text_encoder", "vae")
    }
    counts = " or ".join(map(str, VECTOR_COUNTS))
    rows = "\n".join(
        f"| {int(row[0]):,} | {row[1] / 60:.0f} | {row[2]:.4f} |" for row in _spread(record["history"], 12)
    )
    return f"""---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
---
# Reelmill starter model

Draws {DEFAULT_SIZE} x {DEFAULT_SIZE} px frames of small stories on a CPU: the {len(PLACES)} places, people,
weathers, hours, {len(OBJECTS)} objects and styles that `reelmill_world` lists, and styles beyond its words by
textual inversion. Reelmill draws with it where no larger model is configured.

```python
from diffusers import StableDiffusionPipeline

pipeline = StableDiffusionPipeline.from_pretrained("services/render/starter/model")
prompt = "medium shot of a woman with red hair in a green coat, in the street, evening, in comic style"
image = pipeline(prompt, num_inference_steps={DEFAULT_STEPS}, guidance_scale={DEFAULT_GUIDANCE}).images[0]
```

Best at {DEFAULT_STEPS} steps and guidance {DEFAULT_GUIDANCE} (`reelmill.json` holds these defaults).
Prompts of the form that `reelmill_world.caption` writes work best, 64 tokens at most; words outside that
world are spelled byte by byte and mean little to it.

## Training

- Data: scenes drawn by this repository's own code (`reelmill_starter.drawing`) from random descriptions and
  styles, captioned by `reelmill_world.caption`; no pictures, texts or weights from elsewhere. Picture
  number n of seed {seed} is always the same. Held out for measuring: what `reelmill_world.is_held_out` says,
  and all styles near `HELD_OUT_STYLES`.
- Autoencoder: {sizes["vae"]:.2f} M parameters, {_autoencoder(autoencoder)}{_decoder(autoencoder)}.
- Text encoder ({sizes["text_encoder"]:.2f} M): {_text(text)}.
- Styles: half of the pictures are drawn anywhere in a space of {len(STYLE_AXES)} axes. In seven of ten
  captions of such a picture `<style>` stands for {counts} vectors that a small network makes of the axes;
  that network is not part of the model; it is kept beside it (`training.safetensors`) to train on.
- UNet ({sizes["unet"]:.2f} M), and with it, at a lower rate, the text encoder: velocity prediction, zero
  terminal signal (arXiv 2305.08891), {record["steps"]:,} steps of {record["batch"]},
  {record["images"]:,} pictures seen, {record["seconds"] / 60:.1f} minutes; these are averaged weights.
- Hardware: {record["hardware"]}; torch {torch.__version__}.
- Command: `{command} --images {record["images"]}`, seed {seed}.{_adopted(begun)}
{notes}
| pictures seen | minutes | validation loss |
|---|---|---|
{rows}

The loss is the mean squared error of the velocity on 128 pictures that were never trained on, with fixed
noise and times.

## Limits

It knows its small world only: no text, no real people, two figures at most. Faces and small
things are the weakest; colours of clothes are lost in styles without colour.
"""


def _adopted(begun: dict[str, Any] | None) -> str:
    if begun is None:
        return ""
    images = begun["record"]["images"]
    return (
        " It went on from the weights of an earlier\n"
        f"  export (`reelmill-starter adopt`) that had seen {images:,} pictures: those count here, the\n"
        "  steps of the other parts do not."
    )


def _autoencoder(state: dict[str, Any]) -> str:
    if is_kept(state):
        return "as it was adopted"
    steps, crops, minutes = state.get("step", 0), state.get("batch", 0), state.get("worked", 0) / 60
    return f"{steps:,} steps of\n  {crops} crops, {minutes:.1f} minutes"


def _text(state: dict[str, Any]) -> str:
    if is_kept(state):
        return "as it was adopted, and then with the UNet"
    captions, minutes = state.get("captions", 0), state.get("seconds", 0) / 60
    return (
        f"first alone, on {captions:,} captions in\n"
        f"  {minutes:.0f} minutes, until what a caption says (place, time, each figure's looks and\n"
        "  doings, style) could be read off its states: "
        f"{_mean(state.get('accuracy', {})):.1%} of all answers are right"
    )


def _mean(accuracy: dict[str, float]) -> float:
    return sum(accuracy.values()) / len(accuracy) if accuracy else 0.0


def _decoder(autoencoder: dict[str, Any]) -> str:
    if not autoencoder.get("decoder_step"):
        return ""
    steps, minutes = autoencoder["decoder_step"], autoencoder["decoder_worked"] / 60
    return f", then {steps:,} steps of its decoder alone in {minutes:.1f} minutes"


def _spread(history: list[list[float]], count: int) -> list[list[float]]:
    if len(history) <= count:
        return history
    return [history[round(index * (len(history) - 1) / (count - 1))] for index in range(count)]
