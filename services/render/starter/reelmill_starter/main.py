"""reelmill-starter: draw the starter model's world, train the model on it, export it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)

Folder = Annotated[
    Path, typer.Option(help="Working folder: checkpoints and latents. A file PAUSE in it pauses training.")
]
Seed = Annotated[int, typer.Option(help="Seed of the world and of the training.")]
Until = Annotated[
    str | None, typer.Option(help="End at this clock time, HH:MM in UTC; the last part is annealed.")
]

_FOLDER = Path("starter-run")
_SEED = 7


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
    from reelmill_starter.training.pictures import example
    from reelmill_starter.training.samples import sheet

    examples = [example(seed, index) for index in range(count)]
    sheet([one.draw(128).pixels for one in examples], 8).save(target)
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
) -> None:
    """Begin from an exported model instead of from nothing; before `text`."""
    from reelmill_starter.training.adopting import adopt as adopt_model
    from reelmill_starter.training.run import RunFolder

    tokenizer(folder, seed)
    if not RunFolder(folder).checkpoint("adopted").exists():
        adopt_model(RunFolder(folder), model)


@app.command()
def text(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    captions: Annotated[int, typer.Option(help="Captions to read in all.")] = 60_000,
) -> None:
    """Teach the text encoder to read captions; minutes."""
    from reelmill_starter.training.reading import TextTraining
    from reelmill_starter.training.run import RunFolder

    TextTraining(RunFolder(folder), seed=seed, captions=captions).run()


@app.command()
def autoencoder(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    minutes: Annotated[float, typer.Option(help="Minutes of training in all, over all starts.")] = 6,
    pictures: Annotated[int, typer.Option(help="Drawings to crop from.")] = 2500,
) -> None:
    """Train the autoencoder."""
    from reelmill_starter.training.autoencoder import train_autoencoder
    from reelmill_starter.training.run import RunFolder

    train_autoencoder(RunFolder(folder), seed=seed, minutes=minutes, pictures=pictures)


@app.command()
def decoder(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    minutes: Annotated[float, typer.Option(help="Minutes of training.")] = 8,
    pictures: Annotated[int, typer.Option(help="Drawings to crop from.")] = 2500,
) -> None:
    """Train the decoder of the autoencoder further; cached latents stay valid."""
    from reelmill_starter.training.decoder import tune_decoder
    from reelmill_starter.training.run import RunFolder

    tune_decoder(RunFolder(folder), seed=seed, minutes=minutes, pictures=pictures)


@app.command()
def latents(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    shards: Annotated[int, typer.Option(help="Files of 1,024 pictures.")] = 40,
) -> None:
    """Draw and encode the training pictures; `diffusion` may already run on the first file."""
    from reelmill_starter.training.latents import cache_latents
    from reelmill_starter.training.run import RunFolder

    cache_latents(RunFolder(folder), seed=seed, shards=shards)


@app.command()
def diffusion(
    folder: Folder = _FOLDER,
    seed: Seed = _SEED,
    images: Annotated[int, typer.Option(help="Pictures to see in all.")] = 1_000_000,
    until: Until = None,
    batch: Annotated[int, typer.Option(help="Pictures a step.")] = 32,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 8e-4,
    workers: Annotated[int, typer.Option(min=1, help="Processes; one a core is fastest.")] = os.cpu_count()
    or 1,
) -> None:
    """Train the UNet and, gently, the text encoder."""
    from reelmill_starter.training.diffusion import Plan, train_diffusion
    from reelmill_starter.training.run import RunFolder

    plan = Plan(seed=seed, images=images, until=_clock(until), batch=batch, rate=rate)
    train_diffusion(RunFolder(folder), plan, workers)


def _clock(text: str | None) -> datetime | None:
    """The next moment at which a UTC clock shows `text`."""
    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        time = datetime.strptime(text, "%H:%M")
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not HH:MM") from error
    moment = now.replace(hour=time.hour, minute=time.minute, second=0, microsecond=0)
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
) -> None:
    """Do everything, from nothing to the exported model."""
    tokenizer(folder, seed)
    text(folder, seed)
    autoencoder(folder, seed)
    latents(folder, seed)
    diffusion(folder, seed, images, until)
    decoder(folder, seed)
    export(target, folder, seed)


@app.command()
def judge(
    target: Annotated[Path, typer.Argument(help="Folder to write the judge to.")],
    folder: Folder = Path("judge-run"),
    seed: Annotated[int, typer.Option(help="Another one than the renderer's.")] = 1007,
    minutes: Annotated[float, typer.Option(help="Minutes of processor time in all, over all starts.")] = 35,
    pictures: Annotated[int, typer.Option(help="Pictures to draw.")] = 24_000,
    until: Until = None,
    workers: Annotated[int, typer.Option(help="Processes that draw.")] = 1,
    threads: Annotated[int, typer.Option(help="Threads to train with.")] = 1,
) -> None:
    """Train the judge and write it, with its bank and its card."""
    import torch

    from reelmill_starter.judging.export import export_judge
    from reelmill_starter.judging.training import JudgeTraining, Plan
    from reelmill_starter.training.run import RunFolder

    torch.set_num_threads(threads)
    plan = Plan(seed=seed, pictures=pictures, minutes=minutes, until=_clock(until), workers=workers)
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
