"""The untrained parts of the diffusion model, and the noise schedule they are trained for."""

from contextlib import AbstractContextManager

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from reelmill_starter.training.adopting import adopted
from reelmill_starter.training.pictures import SIZE
from reelmill_starter.training.run import RunFolder
from reelmill_starter.training.shortcut import start_as_thumbnail

TEXT_WIDTH = 192
LATENT_CHANNELS = 8
LATENT_SIZE = SIZE // 8


def new_autoencoder() -> AutoencoderKL:
    """An untrained autoencoder that halves the picture three times."""
    model = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32, 64, 96, 128),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        # Normalising every pair of channels alone, as more groups would, throws their colour away.
        norm_num_groups=1,
        sample_size=SIZE,
        # Attention would see crops in training and whole pictures in use.
        mid_block_add_attention=False,
    )
    start_as_thumbnail(model)
    return model


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """A small CLIP text encoder for `tokenizer`."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=6,
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def adopted_text_encoder(folder: RunFolder, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """The adopted text encoder, or an untrained one."""
    encoder = new_text_encoder(tokenizer)
    if state := adopted(folder):
        encoder.load_state_dict(state["text_encoder"])
    return encoder


def new_unet() -> UNet2DConditionModel:
    """A UNet for latents of 24 x 24 x 8, small enough to draw a frame in a third of a second on two cores.

    Down to 3 x 3, where each kernel spans the picture: what goes where is learned there soon, for a UNet
    knows places only by the zeros around the picture. Attention to single words at 12 x 12 and 6 x 6: at
    24 x 24 it costs time and gives little.
    """
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(64, 128, 192, 256),
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        # diffusers' name for the number of heads
        attention_head_dim=4,
        norm_num_groups=8,
        resnet_time_scale_shift="scale_shift",
        # The text as a whole reaches every block beside the time.
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 for what bears it, where the device computes in it."""
    able = device.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=able)


def noise_schedule() -> DDIMScheduler:
    """Velocity prediction, zero terminal signal (arXiv 2305.08891): dark and bright pictures come out."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )
