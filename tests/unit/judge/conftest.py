"""A tiny random CLIP in transformers format, and a tiny untrained judge of our own, made in the test."""

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.tiny import _one_torch_thread  # noqa: F401


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    transformers: Any = import_module("transformers")
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    pieces = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = transformers.CLIPTokenizer(
        vocab={piece: n for n, piece in enumerate(pieces)}, merges=[], model_max_length=77
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        text_config={
            "vocab_size": len(pieces),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "bos_token_id": len(pieces) - 2,
            "eos_token_id": len(pieces) - 1,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
        },
        projection_dim=16,
    )
    transformers.CLIPModel(config).save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture(scope="session")
def tiny_judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    from reelmill_judge.network import Network, Shape

    folder = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    shape = Shape(
        answers=(3, 2),
        axes=2,
        tokens=4,
        channels=(8, 8, 8),
        squeezed=4,
        gazes=2,
        gaze=8,
        features=16,
        text_layers=1,
    )
    save_file(Network(shape).state_dict(), folder / "model.safetensors")
    words = Tokenizer(models.WordLevel({"[?]": 0, "street": 1, "beach": 2}, unk_token="[?]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(folder / "tokenizer.json"))
    settings = {
        "kind": "reelmill-judge",
        "format": 1,
        "network": asdict(shape),
        "questions": {"place": ["street", "beach", "forest"], "figures": ["0", "1"]},
        "style_axes": ["warmth", "line"],
    }
    (folder / "judge.json").write_text(json.dumps(settings), "utf-8")
    return folder
