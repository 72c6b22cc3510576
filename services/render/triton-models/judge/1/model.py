"""Triton's side of the judge: tensors in, tensors out. Judging is in reelmill_judge.

Environment: REELMILL_JUDGE_MODEL (a judge's directory, or a CLIP's), REELMILL_JUDGE_BANK (what pictures are
compared with; by default `bank` in the judge's directory), REELMILL_JUDGE_DEVICE (auto) and
REELMILL_JUDGE_THREADS (1, the fastest for a small judge beside a diffusion model; 0: PyTorch's own number).
Without one this model is there all the same, and answers every request with the reason: one that cannot be
loaded would by default end the server, the diffusion model and all.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from reelmill_judge import Bank, Judge, Score, distinct, load_judge, style_score, text_score

NOT_SCORED = Score(0.0, 0)


class InputError(Exception):
    """A request that cannot be judged; the message names the input."""


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self._judge: Judge | None = None
        self._missing = "there is no judge: REELMILL_JUDGE_MODEL names none"
        parameters = json.loads(args["model_config"]).get("parameters", {})
        if directory := _setting(parameters, "model"):
            try:
                self._load(args, directory, Path(_setting(parameters, "bank") or Path(directory) / "bank"))
                return
            except Exception as error:  # whatever it is, the diffusion model must go on
                self._judge = None
                self._missing = f"there is no judge: {error or type(error).__name__}"
        pb_utils.Logger.log_warn(self._missing)

    def _load(self, args: dict[str, str], directory: str, bank: Path) -> None:
        # Its threads must not spin while they wait: the cores are the diffusion model's.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import torch

        if threads := int(os.environ.get("REELMILL_JUDGE_THREADS", "1")):
            torch.set_num_threads(threads)
        device = os.environ.get("REELMILL_JUDGE_DEVICE", "auto")
        if device == "auto" and args["model_instance_kind"] == "GPU":
            device = f"cuda:{args['model_instance_device_id']}"
        self._judge = load_judge(directory, device)
        self._bank = Bank.load(bank, self._judge)
        self._digest = _digest(self._judge.digest, bank)
        pb_utils.Logger.log_info(f"judging with {directory} and {bank}, digest {self._digest}")

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response a request: scores, or the error of that request alone."""
        if self._judge is None:
            return [_failed(self._missing, pb_utils.TritonError.UNAVAILABLE) for _ in requests]
        responses: list[Any] = [None] * len(requests)
        same_size: dict[tuple[int, ...], list[int]] = {}
        asked: dict[int, tuple[np.ndarray, str, np.ndarray]] = {}
        for index, request in enumerate(requests):
            try:
                asked[index] = self._read(request)
                same_size.setdefault(asked[index][0].shape, []).append(index)
            except InputError as error:
                responses[index] = _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        for members in same_size.values():
            try:
                answers = self._answer([asked[index] for index in members])
            except Exception as error:  # whatever it is, these requests get it and the server goes on
                pb_utils.Logger.log_error(f"judging {len(members)} pictures: {type(error).__name__}: {error}")
                failed = _failed(f"{type(error).__name__}: {error}", pb_utils.TritonError.INTERNAL)
                answers = [failed] * len(members)
            for index, answer in zip(members, answers, strict=True):
                responses[index] = answer
        return responses

    def _read(self, request: Any) -> tuple[np.ndarray, str, np.ndarray]:
        image, own = _tensor(request, "image"), _tensor(request, "own_style")
        if min(image.shape[:2]) < 1:
            raise InputError(f"image: {image.shape[0]} x {image.shape[1]} pixels are no picture")
        if own.size and (not np.isfinite(own).all() or not own.any()):
            raise InputError("own_style: is zero or not finite, so it is no direction")
        try:
            return image, _tensor(request, "text").tobytes().decode(), own
        except UnicodeDecodeError as error:
            raise InputError(f"text: is not UTF-8: {error.reason} at byte {error.start}") from error

    def _answer(self, asked: list[tuple[np.ndarray, str, np.ndarray]]) -> list[Any]:
        """Pictures of one size."""
        pixels = np.stack([image for image, _, _ in asked])
        images, styles = self._judge.images_and_styles(pixels)
        shown: dict[int, Score] = {}
        if with_text := [index for index, (_, text, _) in enumerate(asked) if text]:
            texts = self._judge.texts([asked[index][1] for index in with_text])
            for index, text in zip(with_text, texts, strict=True):
                others = distinct(text, self._bank.texts)
                shown[index] = text_score(images[index], text, others) if len(others) else NOT_SCORED
        answers = []
        for index, (_, _, own) in enumerate(asked):
            drawn = self._style(styles[index], own) if own.size else NOT_SCORED
            text = shown.get(index, NOT_SCORED)
            tensors = {
                "style_margin": np.array([drawn.margin], np.float32),
                "style_rank": np.array([drawn.rank], np.int32),
                "text_margin": np.array([text.margin], np.float32),
                "text_rank": np.array([text.rank], np.int32),
                "style_embedding": np.array(styles[index], np.float32),
                "judge_digest": np.frombuffer(bytearray(self._digest.encode()), np.uint8),
            }
            answers.append(
                pb_utils.InferenceResponse(
                    [pb_utils.Tensor.from_dlpack(n, t[None]) for n, t in tensors.items()]
                )
            )
        return answers

    def _style(self, style: np.ndarray, own: np.ndarray) -> Score:
        if own.shape != style.shape:  # another judge saw it; that the caller sees from the digest
            return NOT_SCORED
        # The bank may hold the movie's very style: nothing could be nearer to one than to the other.
        others = distinct(own, self._bank.style_centroids)
        return style_score(style, own, others) if len(others) else NOT_SCORED


def _setting(parameters: dict[str, Any], name: str) -> str:
    chosen = parameters.get(name, {}).get("string_value")
    return chosen or os.environ.get(f"REELMILL_JUDGE_{name.upper()}", "")


def _digest(judge: str, bank: Path) -> str:
    """Of everything that a score depends on."""
    lines = [judge]
    for file in sorted(bank.iterdir()):
        lines.append(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _failed(message: str, code: int) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code))


def _tensor(request: Any, name: str) -> np.ndarray:
    """The request's one row of an input."""
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    if tensor is None:
        raise InputError(f"{name}: is missing")
    rows = np.from_dlpack(tensor)
    if rows.shape[0] != 1:
        raise InputError(f"{name}: has {rows.shape[0]} rows; a request is for one picture")
    return rows[0]
