"""Any CLIP in transformers format as a judge, for instance OpenCLIP's LAION weights, which come in it too.

The package open_clip_torch itself is not used: it needs torchvision, and torchvision's wheel from the package
index is built for another build of PyTorch than the CPU one and fails as soon as it is imported beside it.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import torch
from torch import Tensor

from .base import Embeddings, JudgeError, Pixels, files_digest, read_settings
from .pixels import choose_device, squares
from .words import content_words

_MATTERS: Final = {".json", ".safetensors", ".txt", ".model"}
# Of OpenAI's CLIP and all of LAION's.
_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_STD: Final = (0.26862954, 0.26130258, 0.27577711)
_TEXTS = 64


class ClipJudge:
    """A frozen CLIP. It has no embedding of style alone: `styles` are its image embeddings."""

    def __init__(
        self, model: Any, tokenizer: Any, preprocessing: dict[str, Any], digest: str, device: torch.device
    ) -> None:
        self.digest = digest
        self._model, self._tokenizer, self._device = model, tokenizer, device
        self._side = int(model.config.vision_config.image_size)
        moments = (preprocessing.get("image_mean", _MEAN), preprocessing.get("image_std", _STD))
        self._mean, self._std = (torch.tensor(one, device=device).view(1, 3, 1, 1) for one in moments)

    @classmethod
    def load(cls, directory: Path, device: str = "auto") -> Self:
        """Opens a directory with config.json, model.safetensors and a tokenizer. Raises JudgeError."""
        kind = read_settings(directory / "config.json").get("model_type")
        if kind != "clip":
            raise JudgeError(f"{directory} holds a model of the type {kind!r}, not a CLIP")
        if not any(directory.glob("*.safetensors")):
            raise JudgeError(f"{directory} has no weights in safetensors format; others are not read")
        settings = directory / "preprocessor_config.json"
        preprocessing = read_settings(settings) if settings.exists() else {}
        transformers: Any = import_module("transformers")
        try:
            model = transformers.CLIPModel.from_pretrained(
                directory, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
            tokenizer = transformers.CLIPTokenizer.from_pretrained(directory, local_files_only=True)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            raise JudgeError(f"{directory} cannot be opened as a CLIP: {error}") from error
        files = [f for f in directory.iterdir() if f.suffix in _MATTERS and not f.name.startswith(".")]
        place = choose_device(device)
        model.eval().requires_grad_(False).to(place)
        return cls(model, tokenizer, preprocessing, files_digest(directory, files), place)

    @torch.inference_mode()
    def images(self, pixels: Pixels) -> Embeddings:
        """What pictures show, `[N, D]`."""
        found = []
        for batch in squares(pixels, self._side, self._device):
            seen = self._model.vision_model(pixel_values=(batch - self._mean) / self._std)
            found.append(self._model.visual_projection(seen.pooler_output))
        return _unit(found, self._model.config.projection_dim)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Embeddings:
        """What texts say of content, `[N, D]`; what is longer than CLIP reads is cut off."""
        length = int(self._model.config.text_config.max_position_embeddings)
        found = []
        for first in range(0, len(texts), _TEXTS):
            some = [content_words(text) for text in texts[first : first + _TEXTS]]
            tokens = self._tokenizer(
                some, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
            ).to(self._device)
            read = self._model.text_model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
            found.append(self._model.text_projection(read.pooler_output))
        return _unit(found, self._model.config.projection_dim)

    def styles(self, pixels: Pixels) -> Embeddings:
        """How pictures are drawn, `[N, D]`: CLIP's image embeddings, which hold what they show as well."""
        return self.images(pixels)

    def images_and_styles(self, pixels: Pixels) -> tuple[Embeddings, Embeddings]:
        """The same twice, seen once."""
        images = self.images(pixels)
        return images, images


def _unit(found: list[Tensor], width: int) -> Embeddings:
    if not found:
        return np.zeros((0, width), np.float32)
    vectors: Embeddings = torch.nn.functional.normalize(torch.cat(found).float(), dim=-1).cpu().numpy()
    return vectors
