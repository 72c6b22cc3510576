"""A model from a diffusers directory, of the Stable Diffusion 1.x or the XL shape, behind one face."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import torch

from .digest import SETTINGS, model_digest
from .embedding import CLIP_G, CLIP_L, TOKEN, StyleEmbedding, Vectors, placeholders
from .errors import InputError, ModelError
from .schedulers import check_training
from .text import TextEncoder, Tokens

_SHAPES = {
    "StableDiffusionPipeline": ("unet", "vae", "text_encoder"),
    "StableDiffusionXLPipeline": ("unet", "vae", "text_encoder", "text_encoder_2"),
}
_ENCODED = 64


@dataclass(frozen=True, slots=True)
class DrawingDefaults:
    """What suits the model: `reelmill.json` in its directory says so, or the habits of its family."""

    steps: int
    guidance_scale: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Conditioning:
    """A prompt as the UNet takes it: `hidden` `[1, L, D]`, and `pooled` `[1, P]` for XL."""

    hidden: torch.Tensor
    pooled: torch.Tensor | None


class DiffusionModel:
    """Its parts, frozen and ready to draw or to learn a style with. `digest` is its `model_digest`."""

    def __init__(self, pipeline: Any, digest: str, settings: dict[str, Any], device: torch.device) -> None:
        self.is_xl = "text_encoder_2" in pipeline.components
        self.digest = digest
        self.device = device
        self.unet: Any = pipeline.unet
        self.vae: Any = pipeline.vae
        self.scheduler: Any = pipeline.scheduler
        self.encoders = [TextEncoder(CLIP_L, pipeline.tokenizer, pipeline.text_encoder)]
        if self.is_xl:
            self.encoders.append(TextEncoder(CLIP_G, pipeline.tokenizer_2, pipeline.text_encoder_2))
        self.scale_factor = int(pipeline.vae_scale_factor)
        self.defaults = _defaults(settings, self.is_xl, int(self.unet.config.sample_size), self.scale_factor)
        self._zero_empty_negative = self.is_xl and bool(pipeline.config.force_zeros_for_empty_prompt)
        self._encoded: OrderedDict[tuple[str, str, bool], Conditioning] = OrderedDict()
        for module in (self.unet, self.vae, *(e.model for e in self.encoders)):
            module.eval().requires_grad_(False)

    @classmethod
    def load(
        cls, directory: Path | str, *, device: str = "auto", dtype: str = "auto", to_learn: bool = False
    ) -> Self:
        """Opens a directory; nothing is downloaded, no pickle is read, no code in it is run.

        `device`: auto, cpu, cuda, cuda:1 ...; `dtype`: auto, float32, float16 or bfloat16. Auto is float32 on
        a CPU, else float16, or bfloat16 `to_learn`, because gradients vanish in float16. Raises ModelError
        with what the directory lacks.
        """
        directory = Path(directory)
        place = _place(device)
        if dtype == "auto":
            dtype = "float32" if place.type == "cpu" else "bfloat16" if to_learn else "float16"
        if dtype not in ("float32", "float16", "bfloat16"):
            raise ModelError(f"{dtype!r} is none of auto, float32, float16, bfloat16")
        digest = model_digest(directory)
        pipeline = _open(directory, getattr(torch, dtype))
        try:
            if place.type != "cpu":
                pipeline.to(place)
        except (RuntimeError, AssertionError) as error:
            raise ModelError(f"{directory} cannot be brought to {device}: {error}") from error
        if pipeline.vae.config.force_upcast and pipeline.vae.dtype == torch.float16:
            pipeline.vae.to(torch.float32)  # its activations overflow float16
        if to_learn and place.type == "cuda":
            pipeline.unet.enable_gradient_checkpointing()  # XL at 1024 px would need 20 GB a picture
        return cls(pipeline, digest, _settings(directory), place)

    @property
    def widths(self) -> dict[str, int]:
        """Name and token width of each text encoder: what a style embedding must have."""
        return {e.name: e.width for e in self.encoders}

    @property
    def max_vectors(self) -> int:
        """How many vectors a style may have and still leave half of the prompt to words."""
        return (min(e.length for e in self.encoders) - 2) // 2

    def tokenize(self, prompt: str, vectors: int | Mapping[str, int]) -> list[Tokens]:
        """Tokens for each text encoder, as `TextEncoder.tokenize` has them; a number is that of `<style>`."""
        if isinstance(vectors, int):
            vectors = {TOKEN: vectors} if vectors else {}
        return [encoder.tokenize(prompt, vectors) for encoder in self.encoders]

    def word_count(self, text: str) -> int:
        """How many tokens the first text encoder makes of ordinary text, at least 1."""
        return max(1, self.encoders[0].word_count(text))

    def encode(
        self, tokens: list[list[Tokens]], learned: Mapping[str, Vectors]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Hidden states `[B, L, D]` and, for XL, pooled `[B, P]`, of prompts as `tokenize` returns them.

        `learned` has the vectors of every token that stands in them; gradients flow to it.
        """
        hidden, pooled = [], None
        for number, encoder in enumerate(self.encoders):
            vectors = {token: each[encoder.name] for token, each in learned.items()}
            states, pooled = encoder.encode([t[number] for t in tokens], vectors, penultimate=self.is_xl)
            hidden.append(states)
        return torch.cat(hidden, dim=-1), pooled if self.is_xl else None

    @torch.no_grad()
    def condition(self, prompt: str, style: StyleEmbedding | None, *, negative: bool = False) -> Conditioning:
        """The conditioning of one prompt, encoded alone so that a batch cannot change it, or remembered.

        Raises InputError where the prompt has `<style>` or another token that `style` does not know, or where
        it was learned for another model.
        """
        if style is not None:
            style.check_fits(self.widths)
        known = set() if style is None else set(style.tokens)
        if unknown := placeholders(prompt) - known:
            name = "negative_prompt" if negative else "prompt"
            lacks = "no style embedding is given" if style is None else "the style embedding does not know it"
            raise InputError(name, f"has {min(unknown)}, but {lacks}")
        if style is None or not any(token in prompt for token in known):
            style = None
        elif not style.digest:  # nothing to know it again by
            return self._encode_one(prompt, style, negative)
        key = (prompt, style.digest if style is not None else "", negative)
        if key not in self._encoded:
            self._encoded[key] = self._encode_one(prompt, style, negative)
            if len(self._encoded) > _ENCODED:
                self._encoded.popitem(last=False)
        self._encoded.move_to_end(key)
        return self._encoded[key]

    def _encode_one(self, prompt: str, style: StyleEmbedding | None, negative: bool) -> Conditioning:
        learned, counts = ({}, {}) if style is None else (style.tokens, style.counts)
        hidden, pooled = self.encode([self.tokenize(prompt, counts)], learned)
        if negative and not prompt and self._zero_empty_negative:
            hidden = torch.zeros_like(hidden)
            pooled = torch.zeros_like(pooled) if pooled is not None else None
        return Conditioning(hidden, pooled)

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        hidden: torch.Tensor,
        pooled: torch.Tensor | None,
    ) -> torch.Tensor:
        """The UNet's prediction for `[B, C, h, w]` latents, in float32; its kind is the scheduler's."""
        added = None
        if pooled is not None:
            height, width = (side * self.scale_factor for side in latents.shape[-2:])
            ids = torch.tensor(
                [height, width, 0, 0, height, width], device=self.device, dtype=self.unet.dtype
            )
            added = {"text_embeds": pooled.to(self.unet.dtype), "time_ids": ids.repeat(len(latents), 1)}
        prediction: torch.Tensor = self.unet(
            latents.to(self.unet.dtype),
            timestep,
            encoder_hidden_states=hidden.to(self.unet.dtype),
            added_cond_kwargs=added,
            return_dict=False,
        )[0]
        return prediction.float()

    @torch.no_grad()
    def to_latents(self, images: torch.Tensor) -> torch.Tensor:
        """Latents `[B, C, h, w]`, scaled, of images `[B, 3, H, W]` in -1 .. 1; no noise is added."""
        latents: torch.Tensor = (
            self.vae.encode(images.to(self.device, self.vae.dtype)).latent_dist.mode().float()
        )
        mean, std = self._latent_moments()
        scaled: torch.Tensor = (latents - mean) * (self.vae.config.scaling_factor / std)
        return scaled

    @torch.no_grad()
    def to_images(self, latents: torch.Tensor) -> torch.Tensor:
        """uint8 images `[B, H, W, 3]`, on the CPU, of scaled latents."""
        mean, std = self._latent_moments()
        latents = latents * std / self.vae.config.scaling_factor + mean
        images: torch.Tensor = self.vae.decode(latents.to(self.vae.dtype), return_dict=False)[0].float()
        images = ((images / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return images.permute(0, 2, 3, 1).contiguous().cpu()

    def _latent_moments(self) -> tuple[torch.Tensor | float, torch.Tensor | float]:
        mean, std = (getattr(self.vae.config, f"latents_{name}", None) for name in ("mean", "std"))
        if mean is None or std is None:
            return 0.0, 1.0
        return (
            torch.tensor(mean, device=self.device).view(1, -1, 1, 1),
            torch.tensor(std, device=self.device).view(1, -1, 1, 1),
        )


def use_threads(count: int) -> None:
    """How many CPU threads a drawing uses; 0: PyTorch's choice."""
    if count:
        torch.set_num_threads(count)


def _place(device: str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"{device!r} is no device: {str(error).splitlines()[0]}") from error


def _open(directory: Path, dtype: torch.dtype) -> Any:
    shape = json.loads((directory / "model_index.json").read_bytes()).get("_class_name")
    if shape not in _SHAPES:
        raise ModelError(f"{directory} is a {shape}; this program draws with {' and '.join(_SHAPES)}")
    variant = _variant(directory, _SHAPES[shape])

    transformers: Any = import_module("transformers")  # seconds to import, so not before they are needed
    transformers.utils.logging.set_verbosity_error()  # it warns of image processors that nobody asked for
    transformers.utils.logging.disable_progress_bar()
    diffusers: Any = import_module("diffusers")
    diffusers.utils.logging.disable_progress_bar()
    options: dict[str, Any] = {"feature_extractor": None, "image_encoder": None}
    if shape == "StableDiffusionPipeline":
        options |= {"safety_checker": None, "requires_safety_checker": False}
    try:
        pipeline = getattr(diffusers, shape).from_pretrained(
            directory,
            dtype=dtype,
            variant=variant,
            use_safetensors=True,
            local_files_only=True,
            **options,
        )
    except Exception as error:  # diffusers raises whatever its parts do; all of it means the same here
        raise ModelError(f"{directory} cannot be opened: {type(error).__name__}: {error}") from error
    _check(directory, pipeline)
    return pipeline


def _variant(directory: Path, parts: tuple[str, ...]) -> str | None:
    """ "fp16" where the weights are only there in that variant. Raises ModelError where there are none."""
    only_half = False
    for part in parts:
        names = [f.name for f in (directory / part).glob("*.safetensors")]
        if not names:
            pickled = any((directory / part).glob("*.bin")) or any((directory / part).glob("*.pt"))
            why = "only pickled weights, which can run code" if pickled else "no weights"
            raise ModelError(f"{directory / part} has {why}; safetensors are needed")
        only_half |= all(".fp16" in name for name in names)
    return "fp16" if only_half else None


def _check(directory: Path, pipeline: Any) -> None:
    for part in ("unet", "vae", "scheduler", "tokenizer", "text_encoder"):
        if pipeline.components.get(part) is None:
            raise ModelError(f"{directory} has no {part}")
    if pipeline.unet.config.time_cond_proj_dim is not None:
        raise ModelError(f"{directory}: UNets distilled with guidance as an input (LCM) are not supported")
    if pipeline.unet.config.in_channels != pipeline.vae.config.latent_channels:
        raise ModelError(f"{directory}: an inpainting or edit model; its UNet takes more than latents")
    check_training(directory, pipeline.scheduler)


def _settings(directory: Path) -> dict[str, Any]:
    file = directory / SETTINGS
    if not file.exists():
        return {}
    try:
        settings = json.loads(file.read_bytes())
        if not isinstance(settings, dict):
            raise TypeError("not an object")
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{file} cannot be read: {error}") from error
    return settings


def _defaults(settings: dict[str, Any], is_xl: bool, sample_size: int, scale_factor: int) -> DrawingDefaults:
    size = settings.get("default_size", sample_size * scale_factor)
    width, height = size if isinstance(size, list) else (size, size)
    return DrawingDefaults(
        steps=int(settings.get("default_steps", 30)),
        guidance_scale=float(settings.get("default_guidance_scale", 5.0 if is_xl else 7.5)),
        width=int(width),
        height=int(height),
    )
