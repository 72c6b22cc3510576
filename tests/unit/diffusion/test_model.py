import json
import shutil
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from reelmill_diffusion import DiffusionModel, Drawing, ModelError, draw, model_digest

pytestmark = pytest.mark.torch


@pytest.fixture
def copy(tiny_sd: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_sd, tmp_path / "model")


def edit(file: Path, **changes: Any) -> None:
    content = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**content, **changes}))


def test_a_copy_has_the_same_digest_whatever_its_readme_says(copy: Path, tiny_sd: Path) -> None:
    (copy / "README.md").write_text("a model")
    (copy / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle nobody reads")
    assert model_digest(copy) == model_digest(tiny_sd)


@pytest.mark.parametrize(
    "file", ["scheduler/scheduler_config.json", "tokenizer/tokenizer.json", "reelmill.json"]
)
def test_the_digest_changes_with_anything_a_picture_depends_on(copy: Path, file: str) -> None:
    before = model_digest(copy)
    with (copy / file).open("a") as stream:
        stream.write(" ")
    assert model_digest(copy) != before


def test_the_digest_changes_with_one_bit_of_the_weights(copy: Path) -> None:
    before = model_digest(copy)
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert model_digest(copy) != before


def test_defaults_come_from_the_directory(copy: Path) -> None:
    edit(copy / "reelmill.json", default_steps=7, default_guidance_scale=2.5, default_size=[96, 64])
    defaults = DiffusionModel.load(copy).defaults
    assert (defaults.steps, defaults.guidance_scale, defaults.width, defaults.height) == (7, 2.5, 96, 64)


def test_weights_in_half_precision_alone_are_enough(tiny_sd: Path, tmp_path: Path) -> None:
    stock: Any = diffusers.StableDiffusionPipeline
    pipeline = stock.from_pretrained(tiny_sd, dtype=torch.float16)
    pipeline.save_pretrained(tmp_path / "half", variant="fp16")
    model = DiffusionModel.load(tmp_path / "half")
    assert model.unet.dtype == torch.float32
    assert draw(model, [Drawing(prompt="a boat", seed=1, steps=1)])[0] is not None


def test_pickled_weights_are_refused(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError, match="pickled"):
        DiffusionModel.load(copy)


def test_a_missing_directory_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no model_index"):
        DiffusionModel.load(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["", "[1", "7"])
def test_an_unreadable_index_is_refused(copy: Path, content: str) -> None:
    (copy / "model_index.json").write_text(content)
    with pytest.raises(ModelError, match=r"model_index\.json"):
        DiffusionModel.load(copy)


def test_other_kinds_of_pipeline_are_refused_by_name(copy: Path) -> None:
    edit(copy / "model_index.json", _class_name="FluxPipeline")
    with pytest.raises(ModelError, match="is a FluxPipeline"):
        DiffusionModel.load(copy)


def test_schedulers_without_betas_are_refused(copy: Path) -> None:
    flow: Any = diffusers.FlowMatchEulerDiscreteScheduler
    flow().save_pretrained(copy / "scheduler")
    edit(copy / "model_index.json", scheduler=["diffusers", "FlowMatchEulerDiscreteScheduler"])
    with pytest.raises(ModelError, match="FlowMatchEulerDiscreteScheduler"):
        DiffusionModel.load(copy)


@pytest.mark.parametrize("device", ["no-such", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(copy: Path, device: str) -> None:
    with pytest.raises(ModelError, match=device):
        DiffusionModel.load(copy, device=device)


def test_truncated_weights_are_refused(copy: Path) -> None:
    weights = copy / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be opened"):
        DiffusionModel.load(copy)
