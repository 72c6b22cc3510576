"""What a killed inversion goes on from: safetensors, no pickles."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`identity` says which run it belongs to: a digest over everything that run learns from."""

    identity: str
    numbers: Mapping[str, float]
    tensors: Mapping[str, torch.Tensor]

    def to_bytes(self) -> bytes:
        tensors = {name: t.detach().cpu().contiguous() for name, t in self.tensors.items()}
        return save(tensors, metadata={"run": json.dumps([self.identity, dict(self.numbers)])})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self | None:
        """None where the bytes are no checkpoint."""
        try:
            length = int.from_bytes(data[:8], "little")
            identity, numbers = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["run"])
            return cls(identity, numbers, load(data))
        except (SafetensorError, ValueError, KeyError, TypeError):
            return None
