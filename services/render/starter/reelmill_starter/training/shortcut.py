"""Starts an autoencoder as a thumbnail: before any training it keeps the picture's colours at an eighth.

Every residual branch begins at zero, so only shortcuts carry the signal, and six channels of them are set to
carry the picture's three colours and their negatives: averaged on the way down, blurred up on the way back.
The last activation loses nothing, because silu(x) - silu(-x) = x. What is left to learn are details, which is
what the few minutes of training are for.
"""

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

COLOUR_SCALE = 2.0
_CARRIED = 6
# Channels that hold a constant, so that normalisation has a steady scale to divide by.
_STEADY = 4


@torch.no_grad()
def start_as_thumbnail(model: AutoencoderKL) -> None:
    """Sets the untrained `model`'s weights so that it encodes and decodes an eighth-size thumbnail."""
    for module in model.modules():
        if hasattr(module, "conv2") and hasattr(module, "norm2"):
            nn.init.zeros_(module.conv2.weight)
            nn.init.zeros_(module.conv2.bias)
    encoder, decoder = model.encoder, model.decoder
    average = torch.zeros(3, 3)
    average[:2, :2] = 0.25
    blur = torch.tensor([1.0, 2.0, 1.0])
    blur = blur[:, None] * blur[None, :] / 16

    _carry_colours(encoder.conv_in, gain=1.0)
    _carry_colours(decoder.conv_in, gain=1 / COLOUR_SCALE)
    for half, blocks, kernel in ((encoder, encoder.down_blocks, average), (decoder, decoder.up_blocks, blur)):
        shortcuts = []
        for block in blocks:
            shortcuts += [
                resnet.conv_shortcut for resnet in block.resnets if resnet.conv_shortcut is not None
            ]
            for sampler in [
                *(getattr(block, "downsamplers", None) or []),
                *(getattr(block, "upsamplers", None) or []),
            ]:
                _carry(sampler.conv, kernel)
        for shortcut in shortcuts:
            _carry(shortcut, torch.ones(1, 1))
        _hold_steady(shortcuts[-1])
        _read_colours(half.conv_out, gain=COLOUR_SCALE if half is encoder else 1.0)
    for mixing in (model.quant_conv, model.post_quant_conv):
        mixing.weight.copy_(torch.eye(mixing.weight.shape[0])[:, :, None, None])
        mixing.bias.zero_()
    channels = encoder.conv_out.weight.shape[0] // 2
    encoder.conv_out.weight[channels:] *= 0.1
    encoder.conv_out.bias[channels:] = -4.0


def _centre(kernel: Tensor, like: Tensor) -> Tensor:
    size = like.shape[-1]
    if kernel.shape[-1] == size:
        return kernel
    full = torch.zeros(size, size)
    full[size // 2, size // 2] = kernel[0, 0]
    return full


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None, "every convolution of the autoencoder has one"
    return conv.bias


def _carry(conv: nn.Conv2d, kernel: Tensor) -> None:
    """The carried channels pass through `kernel`, each to itself and nothing else to them."""
    conv.weight[:_CARRIED] = 0
    _bias(conv)[:_CARRIED] = 0
    for channel in range(_CARRIED):
        conv.weight[channel, channel] = _centre(kernel, conv.weight)


def _carry_colours(conv: nn.Conv2d, gain: float) -> None:
    """The first three inputs go to the carried channels, once as they are and once negated."""
    conv.weight[:_CARRIED] = 0
    _bias(conv)[:_CARRIED] = 0
    for channel in range(3):
        conv.weight[channel, channel, 1, 1] = gain
        conv.weight[channel + 3, channel, 1, 1] = -gain


def _hold_steady(shortcut: nn.Conv2d) -> None:
    """The last channels become constants of both signs that outweigh the picture; variance one over all."""
    width = shortcut.weight.shape[0]
    shortcut.weight[-_STEADY:] = 0
    signs = torch.tensor([1.0, -1.0]).repeat(_STEADY // 2)
    _bias(shortcut)[-_STEADY:] = signs * (width / _STEADY) ** 0.5


def _read_colours(conv: nn.Conv2d, gain: float) -> None:
    """The first three outputs are carried channels minus their negatives: silu(x) - silu(-x) = x."""
    conv.weight[:3] = 0
    _bias(conv)[:3] = 0
    for channel in range(3):
        conv.weight[channel, channel, 1, 1] = gain
        conv.weight[channel, channel + 3, 1, 1] = -gain
