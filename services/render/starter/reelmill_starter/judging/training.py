"""Trains the judge: facts read off pictures, captions and pictures in one space, styles apart from scenes."""

import copy
import json
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import Process
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from reelmill_judge.base import KIND, SETTINGS
from reelmill_judge.network import Network, Shape
from reelmill_judge.own import FORMAT, WEIGHTS, WORDS, OwnJudge, tokens
from reelmill_starter.judging.cache import PictureCache
from reelmill_starter.judging.captions import caption_and_wrong_one
from reelmill_starter.judging.facts import QUESTIONS, facts
from reelmill_starter.judging.losses import answers_loss, content_loss, manner_loss, question_weights
from reelmill_starter.judging.pictures import COLOUR_KEEPING, MEASURING_START, judge_example
from reelmill_starter.judging.scoring import scores
from reelmill_starter.judging.wear import shifted, worn
from reelmill_starter.training.parts import mixed_precision
from reelmill_starter.training.pictures import Example
from reelmill_starter.training.run import RunFolder, cosine, say
from reelmill_starter.training.words import load_tokenizer, train_tokenizer
from reelmill_world import STYLE_AXES

_STAGE: Final = "judge"
_SAVE_SECONDS: Final = 120
# Pictures to begin on.
_ENOUGH: Final = 4096
# Pictures that are looked at whenever the training is saved.
_WATCHED: Final = 192


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. Ends after `minutes` of processor time or at `until` (UTC), whichever comes first."""

    seed: int = 1007
    pictures: int = 24_000
    minutes: float = 35
    until: datetime | None = None
    pairs: int = 16
    rate: float = 2e-3
    # The share of steps with worn pictures. They teach no style: wear is not part of any.
    worn: float = 0.4
    workers: int = 1
    # An exported judge whose weights a new run begins with, in place of random ones.
    begin: Path | None = None


def _words(folder: RunFolder, plan: Plan) -> Any:
    """The folder's tokenizer, at first one learned from captions or that of the judge to begin with."""
    learned, begun = folder.path / "tokenizer", folder.path / WORDS
    if not begun.exists() and not (learned / "vocab.json").exists():
        if plan.begin:
            folder.path.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(plan.begin / WORDS, begun)
        else:
            train_tokenizer(learned, seed=plan.seed)
    return Tokenizer.from_file(str(begun)) if begun.exists() else load_tokenizer(learned).backend_tokenizer


class _Learner(nn.Module):
    """The network, and what is needed for learning only."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.network = Network(shape)
        self.read_answers = nn.Linear(shape.text, sum(shape.answers))
        self.scale = nn.Parameter(torch.tensor(2.5))


class JudgeTraining:
    """State of one training; `run` goes on from where the last start ended."""

    def __init__(self, folder: RunFolder, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.folder, self.plan = folder, plan
        self.words: Any = _words(folder, plan)
        self.words.no_padding()
        self.words.no_truncation()
        self.shape = Shape(
            answers=tuple(len(allowed) for allowed in QUESTIONS.values()),
            axes=len(STYLE_AXES),
            tokens=self.words.get_vocab_size() + 1,
        )
        self.learner = _Learner(self.shape)
        self.optimiser = torch.optim.AdamW(
            self.learner.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.02, fused=True
        )
        self.weights = question_weights(list(QUESTIONS))
        self.step, self.seconds = 0, 0.0
        # What the judge that this run began with had behind it.
        self.before: dict[str, float] = {"steps": 0, "minutes": 0.0}
        self.started = datetime.now(UTC)
        if state := folder.load(_STAGE):
            self.learner.load_state_dict(state["learner"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.seconds = state["step"], state["seconds"]
            self.started = datetime.fromisoformat(state["started"])
            self.before = state["before"]
            say(f"judge: going on at step {self.step}, {self.seconds / 60:.1f} minutes")
        elif plan.begin:
            self._begin(plan.begin)

    def _begin(self, judge: Path) -> None:
        weights = load_file(judge / WEIGHTS)
        self.learner.network.load_state_dict({name: weight.float() for name, weight in weights.items()})
        training = json.loads((judge / SETTINGS).read_text("utf-8"))["training"]
        self.before = {name: training[name] for name in self.before}
        say(f"judge: beginning with {judge}, {self.before['steps']} steps")

    def progress(self) -> float:
        """0 at the start, 1 at the end of the plan."""
        done = self.seconds / (60 * self.plan.minutes)
        if self.plan.until is not None:
            span = (self.plan.until - self.started).total_seconds()
            done = max(done, (datetime.now(UTC) - self.started).total_seconds() / span)
        return done

    def run(self) -> None:
        """Trains to the end of the plan, saves every two minutes; what is missing is drawn beside it."""
        plan = self.plan
        cache = PictureCache(self.folder, seed=plan.seed, count=plan.pictures)
        drawing = Process(target=cache.draw, args=(plan.workers,))
        drawing.start()
        try:
            self._run(cache, drawing)
        finally:
            drawing.terminate()
            drawing.join()
        self._save()

    def _run(self, cache: PictureCache, drawing: Process) -> None:
        plan = self.plan
        while cache.drawn() < min(_ENOUGH, plan.pictures):
            if drawing.exitcode:
                raise RuntimeError("the pictures could not be drawn; what went wrong stands above")
            time.sleep(1.0)
        examples = [judge_example(plan.seed, number) for number in range(plan.pictures)]
        right, styles = targets(examples)
        size = sum(p.numel() for p in self.learner.network.parameters()) / 1e6
        say(f"judge: {size:.2f} M parameters, {plan.pictures} pictures")
        saved = time.monotonic()
        while (progress := self.progress()) < 1:
            # Processor time: what else the machine does shall not shorten the training.
            start = time.process_time()
            rng = np.random.default_rng((plan.seed, self.step))
            first = 2 * rng.choice(min(cache.drawn(), plan.pictures) // 2, plan.pairs, replace=False)
            chosen = np.sort(np.concatenate([first, first + 1]))
            some = [examples[number] for number in chosen]
            loss = self._train_step(progress, cache.take(chosen), some, right[chosen], styles[chosen])
            self.seconds += time.process_time() - start
            if self.step % 50 == 0:
                rate = self.step * 2 * plan.pairs / self.seconds
                say(f"judge: step {self.step}, {rate:.0f} pictures/s, {loss}, {100 * progress:.0f} %")
            if time.monotonic() - saved > _SAVE_SECONDS:
                self._save()
                saved = time.monotonic()
            self.folder.wait_while_paused()

    def _train_step(
        self, progress: float, pixels: np.ndarray, some: list[Example], right: Tensor, styles: Tensor
    ) -> str:
        # Everything random comes from the step's number: resumed training goes on as if never stopped.
        generator = torch.Generator().manual_seed(self.plan.seed * 10_000_019 + self.step)
        torch.manual_seed(self.plan.seed + self.step)
        words = random.Random(f"judge/{self.plan.seed}/words/{self.step}")
        pictures = shifted(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, generator)
        wears = words.random() < self.plan.worn
        if wears:
            pictures = worn(pictures, generator)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate * min(1.0, (self.step + 1) / 150) * cosine(progress, 0.003)
        learner = self.learner.train()
        with mixed_precision(torch.device("cpu")):
            seen = learner.network.eye(pictures.contiguous(memory_format=torch.channels_last))
        parts = {"facts": 6 * answers_loss([one.float() for one in seen.answers], right, self.weights)}
        if self.step % 2 == 0:  # reading is learned faster than seeing
            pairs = [caption_and_wrong_one(one.scene, words.getrandbits(32)) for one in some]
            parts |= self._read(pairs, seen.content.float(), right)
        if not wears:
            parts["style"] = 0.7 * manner_loss(seen, styles)
        loss = torch.stack(list(parts.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learner.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        return ", ".join(f"{name} {float(part.detach()):.3f}" for name, part in parts.items())

    def _read(self, pairs: list[tuple[str, str]], pictures: Tensor, right: Tensor) -> dict[str, Tensor]:
        learner, reader = self.learner, self.learner.network.reader
        texts = [own for own, _ in pairs] + [wrong for _, wrong in pairs]
        with mixed_precision(torch.device("cpu")):
            states = reader.states(tokens(self.words, texts, self.shape.longest))
            read = nn.functional.normalize(reader.content(states), dim=1).float()
        own, wrong = read[: len(pairs)], read[len(pairs) :]
        said = torch.split(
            learner.read_answers(states[: len(pairs)].float()), list(self.shape.answers), dim=1
        )
        return {
            "words": 2 * answers_loss(list(said), right, self.weights),
            "content": content_loss(pictures, own, wrong, learner.scale.exp().clamp(max=50)),
        }

    def judge(self) -> OwnJudge:
        """The judge as it is now."""
        return OwnJudge(
            copy.deepcopy(self.learner.network), self.words, self.settings(), "", torch.device("cpu")
        )

    def settings(self) -> dict[str, Any]:
        """What judge.json says."""
        return {
            "kind": KIND,
            "format": FORMAT,
            "network": asdict(self.shape),
            "questions": {question: list(allowed) for question, allowed in QUESTIONS.items()},
            "style_axes": list(STYLE_AXES),
        }

    def record(self) -> dict[str, float]:
        """How it was trained so far."""
        return {
            "seed": self.plan.seed,
            "pictures": self.plan.pictures,
            "parameters": sum(p.numel() for p in self.learner.network.parameters()),
            "steps": self.before["steps"] + self.step,
            "batch": 2 * self.plan.pairs,
            "minutes": round(self.before["minutes"] + self.seconds / 60, 1),
        }

    def _save(self) -> None:
        state = {"learner": self.learner.state_dict(), "optimiser": self.optimiser.state_dict()}
        record = {"step": self.step, "seconds": self.seconds, "started": self.started.isoformat()}
        record |= {"before": self.before}
        self.folder.save(_STAGE, {**state, **record})
        examples = measuring_examples(self.plan.seed, _WATCHED)
        pixels = np.stack([one.draw(128).pixels for one in examples])
        found = scores(self.judge(), pixels, [one.scene for one in examples])
        say(f"judge: saved; {', '.join(f'{name} {value:.3f}' for name, value in found.items())}")


def measuring_examples(seed: int, count: int) -> list[Example]:
    """Examples that were not trained on, in styles that keep colours."""
    found: list[Example] = []
    number = MEASURING_START
    while len(found) < count:
        one = judge_example(seed, number)
        if one.style_name in COLOUR_KEEPING:
            found.append(one)
        number += 1
    return found


def targets(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Numbers of the right answers (N, questions) and style values (N, axes)."""
    rows = []
    for one in examples:
        answers = facts(one.scene)
        rows.append([allowed.index(answers[question]) for question, allowed in QUESTIONS.items()])
    styles = [one.style.values() for one in examples]
    return torch.tensor(rows), torch.tensor(styles, dtype=torch.float32)
