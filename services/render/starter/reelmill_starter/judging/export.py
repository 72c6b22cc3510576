"""Writes the trained judge as a directory that `reelmill_judge.load_judge` opens, with its bank and card."""

import json
import platform
import random
import shutil
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import save_file

from reelmill_judge import Bank, FactJudge, load_judge, style_score
from reelmill_judge.base import SETTINGS
from reelmill_judge.own import WEIGHTS, WORDS
from reelmill_judge.scores import centroid
from reelmill_starter.drawing import draw
from reelmill_starter.judging.bank import SCENES, make_bank
from reelmill_starter.judging.pictures import COLOUR_KEEPING, held_out_examples
from reelmill_starter.judging.scoring import scores
from reelmill_starter.judging.training import JudgeTraining
from reelmill_starter.training.run import RunFolder, say
from reelmill_world import HELD_OUT_STYLES, SceneDescription, StyleVector, is_held_out, random_scene

MAX_MEGABYTES: Final = 8
_MEASURED: Final = 500


def export_judge(training: JudgeTraining, target: Path) -> None:
    """Replaces `target` by the judge as trained so far.

    Raises ValueError, leaving `target` as it was, if it is larger than `MAX_MEGABYTES`.
    """
    draft = target.with_name(target.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    record = training.record()
    settings = {**training.settings(), "training": record}
    (draft / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
    weights = training.learner.network.state_dict()
    halves = {name: w.half() if w.is_floating_point() else w for name, w in weights.items()}
    save_file({name: weight.contiguous() for name, weight in halves.items()}, draft / WEIGHTS)
    (draft / WEIGHTS).chmod(0o644)  # safetensors writes for the owner alone
    training.words.save(str(draft / WORDS))
    make_bank(draft / "bank", training.plan.seed)
    judge = load_judge(draft, "cpu")
    if not isinstance(judge, FactJudge):
        raise TypeError(f"{draft}: what was written is not a judge of facts")
    (draft / "README.md").write_text(_card(judge, draft / "bank", record, _notes(training.folder)), "utf-8")
    size = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file()) / 1e6
    if size > MAX_MEGABYTES:
        shutil.rmtree(draft)
        raise ValueError(f"the judge takes {size:.1f} MB, more than {MAX_MEGABYTES}")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    say(f"judge: {target}, {size:.1f} MB")


def measure(judge: FactJudge, count: int = _MEASURED) -> tuple[dict[str, float], dict[str, float]]:
    """Scores on real drawings of held-out descriptions, and with descriptions and pictures mixed up."""
    examples = held_out_examples(count)
    pixels = np.stack([one.draw(128).pixels for one in examples])
    scenes = [one.scene for one in examples]
    return scores(judge, pixels, scenes), scores(judge, pixels, shuffled(scenes))


def shuffled(scenes: list[SceneDescription], seed: int = 0) -> list[SceneDescription]:
    """The same, none where it was."""
    order = random.Random(seed).sample(range(len(scenes)), len(scenes))
    following = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [scenes[following[number]] for number in range(len(scenes))]


def measure_styles(judge: FactJudge, bank: Bank) -> tuple[float, float]:
    """How often a style's pictures are nearest to it, and how often another style's are: both in 0..1.

    For the styles held out of every training: the own centroid is of four pictures, then eight pictures of
    other scenes are compared, and eight in each of the other held-out styles.
    """
    rng = random.Random("measuring styles")
    scenes: list[SceneDescription] = []
    while len(scenes) < 8:
        scene = random_scene(rng)
        if not is_held_out(scene):
            scenes.append(scene)
    own = {name: centroid(judge.styles(_drawn(SCENES, style))) for name, style in HELD_OUT_STYLES.items()}
    seen = {name: judge.styles(_drawn(scenes, style)) for name, style in HELD_OUT_STYLES.items()}
    first: dict[bool, list[bool]] = {True: [], False: []}
    for name, mine in own.items():
        for other, pictures in seen.items():
            ranks = [style_score(one, mine, bank.style_centroids).rank for one in pictures]
            first[name == other] += [rank == 1 for rank in ranks]
    return float(np.mean(first[True])), float(np.mean(first[False]))


def _drawn(scenes: tuple[SceneDescription, ...] | list[SceneDescription], style: StyleVector) -> np.ndarray:
    return np.stack([draw(scene, style, seed=n, size=128).pixels for n, scene in enumerate(scenes)])


def _notes(folder: RunFolder) -> str:
    """What was written down in the folder's notes.md about a run that was not the plain command."""
    path = folder.path / "notes.md"
    return f"\n{path.read_text('utf-8').strip()}\n" if path.exists() else ""


def _card(judge: FactJudge, bank: Path, record: dict[str, float], notes: str) -> str:
    right, mixed = measure(judge)
    own, other = measure_styles(judge, Bank.load(bank, judge))
    rows = "\n".join(f"| {name} | {right[name]:.3f} | {mixed[name]:.3f} |" for name in right)
    return f"""---
license: apache-2.0
library_name: reelmill-judge
---
# Reelmill's judge

Says what a frame of the starter model's world shows (it looks at 128 x 128 px), how near it is to a caption,
and how near its style is to other pictures'. It gives the scores, and is the gate's judge where no other is
configured. How to use it, and how to use CLIP in its place: docs/judge.md.

## Training

- Data: {record["pictures"]:,} drawings by `reelmill_starter.drawing`, captioned by
  `reelmill_world.caption`; no pictures, texts or weights from elsewhere. Seed {record["seed"]};
  the renderer's seed is 7, its pictures are others, and it never saw this judge nor its gradients.
- Held out: every description for which `reelmill_world.is_held_out` is true, and the styles of
  `reelmill_world.HELD_OUT_STYLES` with all that is near them.
- {record["parameters"] / 1e6:.2f} M parameters, {record["steps"]:,} steps of {record["batch"]} pictures,
  {record["minutes"]:.0f} minutes of one CPU core ({platform.machine()}, shared), torch {torch.__version__}.
- Command: `reelmill-starter judge TARGET --seed {record["seed"]} --pictures {record["pictures"]}`.
{notes}
## Scores

On real drawings of {_MEASURED} held-out descriptions in the styles that keep colours
({", ".join(COLOUR_KEEPING)}), and with the descriptions mixed up:

| | drawings | mixed up |
|---|---|---|
{rows}

Styles: of pictures in {len(HELD_OUT_STYLES)} styles that it never saw, {own:.1%} are nearer to their own
style (the centroid of four other pictures) than to all of the bank's; of pictures in one of these styles,
{other:.1%} are nearer to another one of them than to all of the bank's.

## Limits

It knows one world. Of photographs, or of drawings by other hands, its facts mean nothing; configure CLIP for
these. In styles without colour nobody can tell what colour a coat is, and neither can it.
"""
