"""Tiny random models in diffusers format, made in code: for tests and for trials without any download."""

from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch

diffusers: Any = import_module("diffusers")
transformers: Any = import_module("transformers")

Shape = Literal["sd", "xl"]


def build_tiny_model(directory: Path, shape: Shape = "sd", *, seed: int = 0) -> Path:
    """Writes a random model of one of the two shapes, a few hundred kB; its pictures are 64x64 show nothing.

    "sd" predicts v with zero terminal SNR (as our starter model does), "xl" noise (as SDXL does).
    """
    torch.manual_seed(seed)
    vae: Any = diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        norm_num_groups=4,
        layers_per_block=1,
        sample_size=64,
        latent_channels=4,
    )
    vae.register_to_config(force_upcast=False)
    common = {"vae": vae, "tokenizer": tiny_tokenizer(), "text_encoder": _text_encoder(32)}
    pipeline: Any
    if shape == "sd":
        pipeline = diffusers.StableDiffusionPipeline(
            **common,
            unet=_unet(32),
            scheduler=diffusers.DDIMScheduler(
                prediction_type="v_prediction",
                rescale_betas_zero_snr=True,
                timestep_spacing="trailing",
                beta_schedule="scaled_linear",
                steps_offset=1,
                clip_sample=False,
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    else:
        pipeline = diffusers.StableDiffusionXLPipeline(
            **common,
            tokenizer_2=tiny_tokenizer(pad="!"),
            text_encoder_2=_text_encoder(48, projection=40),
            unet=_unet(
                80,
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=6 * 8 + 40,
                use_linear_projection=True,
            ),
            scheduler=diffusers.EulerDiscreteScheduler(beta_schedule="scaled_linear"),
        )
    pipeline.save_pretrained(directory, safe_serialization=True)
    return directory


def _unet(cross_attention_dim: int, **more: Any) -> Any:
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=8,
        cross_attention_dim=cross_attention_dim,
        **more,
    )
    with torch.no_grad():  # random weights hardly listen to the text; these do
        for name, weight in unet.named_parameters():
            if "attn2.to_v" in name or "attn2.to_out" in name:
                weight.mul_(6)
    return unet


def _text_encoder(width: int, projection: int = 0) -> Any:
    letters = len(_alphabet())
    config = transformers.CLIPTextConfig(
        vocab_size=2 * letters + 2,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=projection or width,
        bos_token_id=2 * letters,
        eos_token_id=2 * letters + 1,
        pad_token_id=2 * letters + 1,
    )
    kind = transformers.CLIPTextModelWithProjection if projection else transformers.CLIPTextModel
    encoder: Any = kind(config)
    with torch.no_grad():
        encoder.get_input_embeddings().weight.mul_(5)
    return encoder


def tiny_tokenizer(pad: str = "<|endoftext|>") -> Any:
    """A CLIP tokenizer that spells every word letter by letter."""
    letters = _alphabet()
    pieces = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(
        vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], pad_token=pad, model_max_length=77
    )


def _alphabet() -> list[str]:
    """The 256 characters that byte-level BPE writes bytes with."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())
