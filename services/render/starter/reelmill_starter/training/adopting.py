"""Going on from an exported model: its weights are where a new run begins.

Checkpoints stay behind on the machine that trained; the exported model travels. A run that adopts it keeps
what it knows, though the vocabulary may have grown since and the optimisers begin anew. Where the world is as
it was, only the UNet has anything to learn: the stages before it can be kept.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from reelmill_starter.training.run import RunFolder, say
from reelmill_starter.training.words import load_tokenizer

RECORD: Final = "training.json"
# Weights of what only training needs: `StyleVectors`.
STYLES: Final = "training.safetensors"
_STAGE: Final = "adopted"
NOTHING: Final[dict[str, Any]] = {"images": 0, "steps": 0, "seconds": 0.0, "history": []}


def adopt(folder: RunFolder, model: Path, *, unet_only: bool = False) -> None:
    """Takes the weights of the exported `model` into `folder`, whose tokenizer must be there already.

    With `unet_only` the stages before the UNet are done with that: tokenizer, `text` and `autoencoder` stay
    as they were exported. Raises FileNotFoundError for an export without `STYLES`.
    """
    if unet_only:
        shutil.copytree(model / "tokenizer", folder.path / "tokenizer", dirs_exist_ok=True)
    tokenizer = load_tokenizer(folder.path / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(model / "text_encoder", dtype=torch.float32)
    unet = UNet2DConditionModel.from_pretrained(model / "unet", use_safetensors=True)
    autoencoder = AutoencoderKL.from_pretrained(model / "vae", use_safetensors=True)
    weights = encoder.state_dict()
    name = next(key for key in weights if key.endswith("token_embedding.weight"))
    weights[name] = _translated(weights[name], load_tokenizer(model / "tokenizer"), tokenizer)
    record, styles = model / RECORD, model / STYLES
    if unet_only:
        parts = {"encoder": weights, "styles": _float32(load_file(styles))}
        joined = {f"{part}.{key}": weight for part, state in parts.items() for key, weight in state.items()}
        folder.save("text", {"model": joined, "kept": True})
        folder.save("autoencoder", {"average": autoencoder.float().state_dict(), "kept": True})
    folder.save(
        _STAGE,
        {
            "text_encoder": weights,
            "unet": unet.float().state_dict(),
            "autoencoder": autoencoder.float().state_dict(),
            "styles": load_file(styles) if styles.exists() else None,
            "record": json.loads(record.read_text("utf-8")) if record.exists() else NOTHING,
            # Another autoencoder's latents have another one.
            "scale": autoencoder.config["scaling_factor"] if unet_only else None,
        },
    )
    say(f"adopt: {model}, {len(weights[name])} tokens")


def _float32(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: weight.float() for name, weight in weights.items()}


def is_kept(state: dict[str, Any] | None) -> bool:
    """Whether this saved state of a stage was adopted and is to stay as it is."""
    return bool(state and state.get("kept"))


def grown(old: dict[str, torch.Tensor], new: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`old` weights in the shapes of `new`: what has more channels now ignores the added ones at first."""
    made = {}
    for name, weight in new.items():
        kept = old[name]
        made[name] = kept
        if kept.shape != weight.shape:
            made[name] = weight.clone()
            made[name][tuple(slice(0, size) for size in kept.shape)] = kept
            if weight.dim() > 1:
                made[name][: kept.shape[0], kept.shape[1] :] = 0
    return made


def _translated(rows: torch.Tensor, old: CLIPTokenizer, new: CLIPTokenizer) -> torch.Tensor:
    """Token vectors in the new numbering; a new token begins as the mean of the pieces it was read as."""
    known = old.get_vocab()
    made = torch.empty(len(new), rows.shape[1])
    for token, number in new.get_vocab().items():
        if token in known:
            made[number] = rows[known[token]]
        else:
            pieces = old(token.removesuffix("</w>"), add_special_tokens=False).input_ids
            made[number] = rows[torch.tensor(pieces)].mean(dim=0)
    return made


def adopted(folder: RunFolder) -> dict[str, Any] | None:
    """What was adopted: states of "text_encoder", "unet", "autoencoder" and, where the export had it,
    "styles", the training's "record", and the latents' "scale" where their autoencoder is kept."""
    return folder.load(_STAGE)
