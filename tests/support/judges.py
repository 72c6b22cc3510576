"""A tiny random judge with a bank, made in a moment: what it says is worth nothing, but always the same."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def build_tiny_judge(directory: Path, seed: int = 0) -> Path:
    """Our own judge's format, with 6 styles and 12 texts to compare with. Returns `directory`."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    from reelmill_judge.network import Network, Shape

    words = [f"word{number}" for number in range(40)]
    shape = Shape(
        answers=(2, 3),
        axes=2,
        tokens=len(words) + 2,
        channels=(8, 8, 8),
        squeezed=4,
        features=16,
        content=16,
        style=16,
        text=16,
        text_layers=1,
    )
    directory.mkdir(parents=True)
    torch.manual_seed(seed)
    network = Network(shape).eval()
    # Untrained, it finds all styles alike: without what is common to them they point in different directions.
    styles: list[torch.Tensor] = []
    network.eye.style.register_forward_hook(lambda _, __, output: styles.append(output))
    with torch.no_grad():
        network.eye(torch.rand(64, 3, 128, 128) * torch.rand(64, 3, 1, 1))
        network.eye.style.bias.sub_(styles[0].mean(dim=0))
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, directory / "model.safetensors")
    vocabulary = {word: number for number, word in enumerate(["[unknown]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[unknown]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {
        "kind": "reelmill-judge",
        "format": 1,
        "questions": {"shot": ["near", "far"], "time": ["day", "dusk", "night"]},
        "style_axes": ["grain", "ink"],
        "network": asdict(shape),
    }
    (directory / "judge.json").write_text(json.dumps(settings))
    _build_bank(directory / "bank", words, np.random.default_rng(seed))
    return directory


def _build_bank(directory: Path, words: list[str], rng: np.random.Generator) -> None:
    directory.mkdir()
    tile, scenes, styles = 32, 2, 6
    rows = [rng.integers(0, 256, (tile, tile * scenes, 3)) // (1 + row) + 20 * row for row in range(styles)]
    sheet = Image.fromarray(np.concatenate(rows).clip(0, 255).astype(np.uint8))
    sheet.save(directory / "styles.webp", lossless=True)
    listed = {
        "tile": tile,
        "scenes": scenes,
        "styles": [f"style {row}" for row in range(styles)],
        "texts": [" ".join(rng.choice(words, 6)) for _ in range(12)],
    }
    (directory / "bank.json").write_text(json.dumps(listed))


@pytest.fixture(scope="session")
def tiny_judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_judge(tmp_path_factory.mktemp("judge") / "tiny")
