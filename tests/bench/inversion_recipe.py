"""diffusers' own textual inversion example, written again from its documented defaults.

One vector, begun as the token vector of a word; batches of 16 for 5,000 steps; AdamW over the whole token
matrix at a constant 1e-4, weight decay 1e-2, all rows but one put back after every step; timesteps uniformly
at random; every step encodes its pictures with the autoencoder, samples latents, and encodes its prompts.

Three things are fitted to a small model, all in the recipe's favour: pictures have the model's own size and
are read once; prompts say what is on each picture, as ours do (the example's templates say only "a painting
in the style of"); and the learning rate is in units of the token matrix: the example's 1e-4 is meant for
CLIP's vectors, whose root mean square is 0.014.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from reelmill_diffusion import TOKEN, DiffusionModel
from reelmill_diffusion.inversion import Reference
from reelmill_diffusion.learning import fit

BATCH = 16
STEPS = 5_000
RATE, CLIP_SCALE = 1e-4, 0.014


class ExampleRecipe:
    """Advances by `advance()`; `vector()` is what has been learned so far."""

    def __init__(self, directory: Path, references: Sequence[Reference], word: str, seed: int = 0) -> None:
        pipeline: Any = import_module("diffusers").StableDiffusionPipeline.from_pretrained(directory)
        self._vae, self._unet, self._encoder = pipeline.vae, pipeline.unet, pipeline.text_encoder
        self._tokenizer = pipeline.tokenizer
        self._noise: Any = import_module("diffusers").DDPMScheduler.from_config(pipeline.scheduler.config)
        size = DiffusionModel.load(directory).defaults
        self._pixels = torch.stack([fit(r.image, size.width, size.height) for r in references])
        self._prompts = [reference.prompt for reference in references]
        self._tokenizer.add_tokens(TOKEN)
        self._encoder.resize_token_embeddings(len(self._tokenizer), mean_resizing=False)
        self._row: int = self._tokenizer.convert_tokens_to_ids(TOKEN)
        for module in (self._vae, self._unet, self._encoder):
            module.requires_grad_(False)
        self._matrix: torch.nn.Parameter = self._encoder.get_input_embeddings().weight.requires_grad_(True)
        scale = float(self._matrix[: self._row].detach().square().mean().sqrt())
        with torch.no_grad():
            [first, *_] = self._tokenizer(word, add_special_tokens=False).input_ids
            self._matrix[self._row] = self._matrix[first]
        self._before = self._matrix.detach().clone()
        self._optimizer = torch.optim.AdamW([self._matrix], lr=RATE * scale / CLIP_SCALE, weight_decay=1e-2)
        self._generator = torch.Generator().manual_seed(seed)
        self.step = 0

    def advance(self) -> None:
        """One update."""
        chosen = torch.randint(len(self._pixels), (BATCH,), generator=self._generator)
        flipped = torch.rand(BATCH, generator=self._generator) < 0.5
        pixels = self._pixels[chosen]
        pixels[flipped] = pixels[flipped].flip(-1)
        latents = self._vae.encode(pixels).latent_dist.sample(self._generator)
        latents = latents * self._vae.config.scaling_factor
        noise = torch.randn(latents.shape, generator=self._generator)
        steps = torch.randint(self._noise.config.num_train_timesteps, (BATCH,), generator=self._generator)
        tokens = self._tokenizer(
            [self._prompts[i] for i in chosen.tolist()],
            padding="max_length",
            truncation=True,
            max_length=self._tokenizer.model_max_length,
            return_tensors="pt",
        ).input_ids
        hidden = self._encoder(tokens)[0]
        noisy: Any = self._noise.add_noise(latents, noise, steps)
        prediction = self._unet(noisy, steps, hidden).sample
        velocity = self._noise.config.prediction_type == "v_prediction"
        target = self._noise.get_velocity(latents, noise, steps) if velocity else noise
        torch.nn.functional.mse_loss(prediction, target).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._optimizer.zero_grad()
        with torch.no_grad():
            learned = self.vector()
            self._matrix.copy_(self._before)
            self._matrix[self._row] = learned
        self.step += 1

    def vector(self) -> torch.Tensor:
        """The learned vector, `[width]`."""
        return self._matrix[self._row].detach().clone()
