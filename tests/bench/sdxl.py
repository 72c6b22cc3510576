"""Drawing and learning a style at the real size of SDXL, on a GPU: time and memory, with random weights.

    make bench-sdxl        (or: python -m tests.bench.sdxl --steps 10 --batches 1 2 4 8)

With `--save FOLDER` the model is only written there, in diffusers format: REELMILL_DIFFUSION_MODEL=FOLDER
make bench-movie then measures frames of this size through the whole system.

The model is made in memory in the shape of stabilityai/stable-diffusion-xl-base-1.0 (a UNet of 2.6 billion
weights, both text encoders, 1024 px); what random weights draw is noise, but it takes as long. Drawing is as
the renderer does it: float16, the autoencoder in float32, guidance, so two evaluations of the UNet a step.
Learning is as the style service does it: bfloat16, gradient checkpointing, 12 references, 4 pictures an
update, vectors for both text encoders. Every figure is one run after a warm-up. The last line is one JSON
object; memory is the most that PyTorch had allocated, in GiB.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reelmill_diffusion import DiffusionModel, Drawing, StyleEmbedding, draw
from reelmill_diffusion.digest import SETTINGS
from reelmill_diffusion.inversion import InversionOptions, Reference
from reelmill_diffusion.inversion_run import InversionRun
from reelmill_diffusion.testing import tiny_tokenizer

GUIDANCE = 5.0
SIDE = 1024
REFERENCES = 12
UPDATES = 12


def sdxl(dtype: torch.dtype) -> Any:
    """A pipeline of SDXL's shape on the GPU with random weights."""
    diffusers, transformers = import_module("diffusers"), import_module("transformers")
    torch.set_default_dtype(dtype)
    with torch.device("cuda"):
        unet = diffusers.UNet2DConditionModel(
            sample_size=SIDE // 8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=(320, 640, 1280),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
        vae = diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            sample_size=SIDE,
            scaling_factor=0.13025,
            force_upcast=True,
        )
        first = _text_encoder(transformers.CLIPTextModel, 768, 12, 12, "quick_gelu", 768)
        second = _text_encoder(transformers.CLIPTextModelWithProjection, 1280, 32, 20, "gelu", 1280)
    torch.set_default_dtype(torch.float32)
    return diffusers.StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=first,
        text_encoder_2=second,
        tokenizer=tiny_tokenizer(),
        tokenizer_2=tiny_tokenizer(pad="!"),
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, timestep_spacing="leading"
        ),
    )


def _text_encoder(kind: Any, width: int, layers: int, heads: int, act: str, projection: int) -> Any:
    tokens = len(tiny_tokenizer())
    config = import_module("transformers").CLIPTextConfig(
        vocab_size=49408,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_act=act,
        projection_dim=projection,
        bos_token_id=tokens - 2,
        eos_token_id=tokens - 1,
        pad_token_id=tokens - 1,
    )
    return kind(config)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds, and the most memory in GiB."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - begun, torch.cuda.max_memory_allocated() / 2**30


def drawing(model: DiffusionModel, batches: list[int], steps: int) -> list[dict[str, float]]:
    """Frames per second at each batch size, style vectors in every prompt."""
    vectors = {name: torch.randn(4, width) for name, width in model.widths.items()}
    style = StyleEmbedding(vectors).with_digest()

    def frames(count: int, steps: int) -> None:
        wanted = [
            Drawing(
                prompt=f"a lighthouse keeper, frame {n}, in <style> style",
                seed=n,
                steps=steps,
                guidance_scale=GUIDANCE,
                style=style,
            )
            for n in range(count)
        ]
        draw(model, wanted)

    rows = []
    for batch in batches:
        frames(batch, 2)
        seconds, memory = timed(lambda batch=batch: frames(batch, steps))  # type: ignore[misc]
        rows.append({"batch": batch, "frames_per_second": round(batch / seconds, 3), "gib": round(memory, 1)})
    return rows


def advance(run: InversionRun) -> None:
    for _ in range(UPDATES):
        run.advance()


def learning(model: DiffusionModel) -> dict[str, float]:
    """What comes before the first update, updates per second, and memory."""
    model.unet.enable_gradient_checkpointing()
    rng = np.random.default_rng(0)
    references = [
        Reference(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8), f"place {n}, in <style> style")
        for n in range(REFERENCES)
    ]
    runs: list[InversionRun] = []
    options = InversionOptions(steps=500, evaluate_every=500)
    before, _ = timed(lambda: runs.append(InversionRun(model, references, "oil paint", options)))
    runs[0].advance()
    seconds, memory = timed(lambda: advance(runs[0]))
    return {
        "seconds_before_first_update": round(before, 1),
        "updates_per_second": round(UPDATES / seconds, 3),
        "gib": round(memory, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=30, help="of denoising a frame")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="only write the model there")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("bench-sdxl: no GPU here; SDXL at its real size needs one")
    place = torch.device("cuda")
    pipeline = sdxl(torch.float16)
    if options.save:
        pipeline.save_pretrained(options.save)
        settings = {
            "default_steps": options.steps,
            "default_guidance_scale": GUIDANCE,
            "default_size": SIDE,
        }
        (options.save / SETTINGS).write_text(json.dumps(settings), "utf-8")
        return
    pipeline.vae.to(torch.float32)
    drawn = drawing(DiffusionModel(pipeline, "0" * 64, {}, place), options.batches, options.steps)
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        part.to(torch.bfloat16)
    torch.cuda.empty_cache()
    learned = learning(DiffusionModel(pipeline, "0" * 64, {}, place))
    for row in drawn:
        print(f"batch {row['batch']}: {row['frames_per_second']} frames/s, {row['gib']} GiB")
    print(f"learning: {learned}")
    result = {"device": torch.cuda.get_device_name(), "steps": options.steps}
    print(json.dumps({**result, "drawing": drawn, "learning": learned}))


if __name__ == "__main__":
    main()
