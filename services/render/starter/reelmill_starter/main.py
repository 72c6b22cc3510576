"""reelmill-starter: draw the starter model's world, train the model on it, export it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from multiprocessing import get_context
from pathlib import Path
from signal import SIGTERM
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import torch

app = typer.Typer(no_args_is_help=True, add_completion=False)

Folder = Annotated[
    Path, typer.Option(help="Working folder: checkpoints and latents. A file PAUSE in it pauses training.")
]
Seed = Annotated[int, typer.Option(help="Seed of the world and of the training.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU where there is one.")]
Drawers = Annotated[int, typer.Option(min=1, help="Processes that draw.")]
Crops = Annotated[int | None, typer.Option(help="Crops a step: 6, on a GPU 64.")]
Until = Annotated[
    str | None,
    typer.Option(help="End at this UTC clock time, HH:MM or HH:MM:SS; the last part is annealed."),
]

_FOLDER = Path("starter-run")
_SEED = 7
_CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Scale:
    """What suits a device: the values of options that are not given."""

    autoencoder_minutes: float
    autoencoder_pictures: int
    decoder_minutes: float
    decoder_pictures: int
    crops: int
    shards: int
    batch: int
    rate: float


_SCALES = {
    "cpu": Scale(25, 6000, 8, 2500, crops=6, shards=40, batch=32, rate=8e-4),
    "cuda": Scale(1.1, 12_000, 0.4, 5000, crops=64, shards=600, batch=256, rate=7e-4),
}


def _fit(device: str) -> "tuple[torch.device, Scale]":
    from reelmill_starter.training.run import choose_device

    place = choose_device(device)
    return place, _SCALES[place.type]


@app.callback()
def _root() -> None:
    """Draw the starter model's world, train the model on it, export it.

    In this order: tokenizer, text, autoencoder, latents, diffusion, decoder, export. `train` does all of
    them. Every command goes on where it was stopped.
    """


@app.command()
def drawings(
    target: Annotated[Path, typer.Argument(help="PNG to write.")],
    seed: Seed = _SEED,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 64,
) -> None:
    """Draw a sheet of what the model is trained on, with captions on standard output."""
    from reelmill_starter.training.pictures import SIZE, example
    from reelmill_starter.training.samples import sheet

    examples = [example(seed, index) for index in range(count)]
    sheet([one.draw(SIZE).pixels for one in examples], 8).save(target)
    for one in examples:
        typer.echo(one.canonical_caption())


@app.command()
def tokenizer(folder: Folder = _FOLDER, seed: Seed = _SEED) -> None:
    """Learn the tokenizer from captions; seconds."""
    from reelmill_starter.training.words import train_tokenizer

    if not (folder / "tokenizer" / "vocab.json").exists():
        train_tokenizer(folder / "tokenizer", seed=seed)


@app.command()
def adopt(
    model: Annotated[Path, typer.Argument(help="An exported model.")],
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    unet_only: Annotated[
        bool, typer.Option("--unet-only", help="The world is as it was: keep all that comes before the UNet.")
    ] = False,
) -> None:
    """Begin from an exported model instead of from nothing; before `text`."""
    from reelmill_starter.training.adopting import adopt as adopt_model
    from reelmill_starter.training.run import RunFolder

    if not unet_only:
        tokenizer(folder, seed)
    if not RunFolder(folder).checkpoint("adopted").exists():
        adopt_model(RunFolder(folder), model, unet_only=unet_only)


@app.command()
def text(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    captions: Annotated[int, typer.Option(help="Captions to read in all.")] = 60_000,
) -> None:
    """Teach the text encoder to read captions; minutes."""
    from reelmill_starter.training.reading import train_text
    from reelmill_starter.training.run import RunFolder

    train_text(RunFolder(folder), seed=seed, captions=captions)


@app.command()
def autoencoder(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    minutes: Annotated[
        float | None, typer.Option(help="Minutes of training in all, over all starts: 25, on a GPU 1.1.")
    ] = None,
    pictures: Annotated[
        int | None, typer.Option(help="Drawings to crop from: 6,000, on a GPU 12,000.")
    ] = None,
    batch: Crops = None,
    drawers: Drawers = _CORES,
    device: Device = "auto",
) -> None:
    """Train the autoencoder."""
    from reelmill_starter.training.autoencoder import train_autoencoder
    from reelmill_starter.training.run import RunFolder

    place, scale = _fit(device)
    train_autoencoder(
        RunFolder(folder),
        seed=seed,
        minutes=minutes or scale.autoencoder_minutes,
        pictures=pictures or scale.autoencoder_pictures,
        batch=batch or scale.crops,
        workers=drawers,
        device=place,
    )


@app.command()
def decoder(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    minutes: Annotated[float | None, typer.Option(help="Minutes of training: 8, on a GPU 0.4.")] = None,
    pictures: Annotated[int | None, typer.Option(help="Drawings: 2,500, on a GPU 5,000.")] = None,
    batch: Crops = None,
    drawers: Drawers = _CORES,
    device: Device = "auto",
) -> None:
    """Train the decoder of the autoencoder further; cached latents stay valid."""
    from reelmill_starter.training.decoder import tune_decoder
    from reelmill_starter.training.run import RunFolder

    place, scale = _fit(device)
    tune_decoder(
        RunFolder(folder),
        seed=seed,
        minutes=minutes or scale.decoder_minutes,
        pictures=pictures or scale.decoder_pictures,
        batch=batch or scale.crops,
        workers=drawers,
        device=place,
    )


@app.command()
def latents(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    shards: Annotated[int | None, typer.Option(help="Files of 1,024 pictures: 40, with a GPU 600.")] = None,
    drawers: Drawers = _CORES,
    device: Device = "auto",
) -> None:
    """Draw and encode the training pictures; `diffusion` may already run on the first file."""
    from reelmill_starter.training.latents import cache_latents
    from reelmill_starter.training.run import RunFolder

    place, scale = _fit(device)
    cache_latents(RunFolder(folder), seed=seed, shards=shards or scale.shards, workers=drawers, device=place)


@app.command()
def diffusion(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    images: Annotated[int, typer.Option(help="Pictures to see in all.")] = 1_000_000,
    until: Until = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step: 32, on a GPU 256.")] = None,
    rate: Annotated[float | None, typer.Option(help="Learning rate: 8e-4, on a GPU 7e-4.")] = None,
    save_minutes: Annotated[float, typer.Option(help="Between two checkpoints.")] = 5,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; without a GPU one a core is fastest.")
    ] = None,
    device: Device = "auto",
) -> None:
    """Train the UNet and, gently, the text encoder."""
    from reelmill_starter.training.diffusion import Plan, train_diffusion
    from reelmill_starter.training.run import RunFolder

    place, scale = _fit(device)
    plan = Plan(
        seed=seed,
        images=images,
        until=_clock(until),
        batch=batch or scale.batch,
        rate=rate or scale.rate,
        save_minutes=save_minutes,
    )
    train_diffusion(RunFolder(folder), plan, workers or (_CORES if place.type == "cpu" else 1), place)


def _clock(text: str | None) -> datetime | None:
    """The next moment at which a UTC clock shows `text`."""
    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        moment = datetime.combine(now.date(), time.fromisoformat(text), UTC)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not HH:MM or HH:MM:SS") from error
    return moment if moment > now else moment + timedelta(days=1)


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help="Folder to write or replace.")],
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
) -> None:
    """Write the averaged weights of the last checkpoint as a diffusers directory."""
    from reelmill_starter.training.export import export as export_model
    from reelmill_starter.training.run import RunFolder, say

    size = export_model(
        RunFolder(folder), target, seed=seed, command=f"reelmill-starter train MODEL --seed {seed}"
    )
    say(f"export: {target}, {size:.1f} MB")


@app.command()
def samples(
    target: Annotated[Path, typer.Argument(help="PNG to write.")],
    model: Annotated[
        Path | None, typer.Option(help="Diffusers directory; the last checkpoint where not given.")
    ] = None,
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    count: Annotated[int, typer.Option(min=1, help="Prompts.")] = 32,
    steps: Annotated[int, typer.Option(min=1)] = 20,
    guidance: float = 4.0,
) -> None:
    """Draw held-out prompts with the model, under the real drawings; prompts on standard output."""
    from diffusers import StableDiffusionPipeline

    from reelmill_starter.training.export import load_trained
    from reelmill_starter.training.run import RunFolder
    from reelmill_starter.training.samples import validation_sheet

    pipeline = (
        StableDiffusionPipeline.from_pretrained(model) if model else load_trained(RunFolder(folder)).pipeline
    )
    prompts = validation_sheet(pipeline, target, seed=seed, count=count, steps=steps, guidance=guidance)
    typer.echo("\n".join(prompts))


@app.command()
def train(
    target: Annotated[Path, typer.Argument(help="Folder to write the model to.")],
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    images: Annotated[int, typer.Option(help="Pictures to see in all.")] = 1_000_000,
    until: Until = None,
    device: Device = "auto",
) -> None:
    """Do everything, from nothing to the exported model."""
    tokenizer(folder, seed)
    text(folder, seed)
    autoencoder(folder, seed, device=device)
    with _drawing_beside(folder, seed, device):
        diffusion(folder, seed, images, until, device=device)
    decoder(folder, seed, device=device)
    export(target, folder, seed)


@contextmanager
def _drawing_beside(folder: Path, seed: int, device: str) -> Iterator[None]:
    """Makes all latents first; but a GPU need not wait: there they are made while it trains on the first."""
    if _fit(device)[0].type == "cpu":
        latents(folder, seed, device=device)
        yield
        return
    beside = get_context("spawn").Process(target=_latents_group, args=(folder, seed, device))
    beside.start()
    try:
        while beside.is_alive() and not (folder / "latents" / "00000.npz").exists():
            beside.join(1)
        yield
    finally:
        if beside.is_alive():
            os.killpg(beside.pid or 0, SIGTERM)
        beside.join()


def _latents_group(folder: Path, seed: int, device: str) -> None:
    """`latents` with the processes that draw for it in a group of their own, to be ended together."""
    os.setpgrp()
    latents(folder, seed, device=device)


@app.command()
def judge(
    target: Annotated[Path, typer.Argument(help="Folder to write the judge to.")],
    folder: Folder = Path("judge-run"),
    seed: Annotated[int, typer.Option(help="Another one than the renderer's.")] = 1007,
    minutes: Annotated[float, typer.Option(help="Minutes of processor time in all, over all starts.")] = 35,
    pictures: Annotated[int, typer.Option(help="Pictures to draw.")] = 24_000,
    until: Until = None,
    begin: Annotated[
        Path | None, typer.Option(help="An exported judge to begin with instead of from nothing.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Learning rate; half of it or less with --begin.")] = 2e-3,
    workers: Annotated[int, typer.Option(help="Processes that draw.")] = 1,
    threads: Annotated[int, typer.Option(help="Threads to train with.")] = 1,
) -> None:
    """Train the judge and write it, with its bank and its card."""
    import torch

    from reelmill_starter.judging.export import export_judge
    from reelmill_starter.judging.training import JudgeTraining, Plan
    from reelmill_starter.training.run import RunFolder

    torch.set_num_threads(threads)
    plan = Plan(
        seed=seed,
        pictures=pictures,
        minutes=minutes,
        until=_clock(until),
        begin=begin,
        rate=rate,
        workers=workers,
    )
    training = JudgeTraining(RunFolder(folder), plan)
    training.run()
    export_judge(training, target)


@app.command()
def contact_sheet(
    target: Annotated[Path, typer.Argument(help="PNG to write; the captions go to a .txt beside it.")],
    model: Annotated[Path, typer.Option(help="Diffusers directory.")] = Path("services/render/starter/model"),
    seed: Annotated[int, typer.Option(help="Which 64 random descriptions.")] = 1,
) -> None:
    """Draw 64 random frames with the model, 8 x 8: whatever comes, none chosen."""
    from reelmill_starter.contact import draw_contact_sheet

    typer.echo(draw_contact_sheet(model, target, seed=seed))


if __name__ == "__main__":
    app()
