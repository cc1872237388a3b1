"""The modules: shapes, parameter counts, any size."""

import itertools
import math

import pytest
import torch

from skdae.nn import ACTIVATIONS, ConvAutoencoder, DenseAutoencoder, ResidualUNet
from skdae.nn._layers import PIXEL_SHUFFLE, PIXEL_UNSHUFFLE, MixedSequential, pad_to_multiple


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_the_default_convolutions_are_those_of_the_keras_tutorial():
    module = ConvAutoencoder((1, 28, 28))
    layers = [m for m in module.modules() if list(m.parameters(recurse=False))]
    assert [count(layer) for layer in layers] == [320, 9248, 9248, 9248, 289]
    assert count(module) == 28_353
    assert module.encode(torch.zeros(2, 1, 28, 28)).shape == (2, 32, 7, 7)


def test_dense_layers_mirror():
    module = DenseAutoencoder((784,), hidden_layer_sizes=(100, 50), latent_dim=10)
    widths = [784, 100, 50, 10, 50, 100, 784]
    pairs = itertools.pairwise(widths)
    assert count(module) == sum(n * m + m for n, m in pairs)


@pytest.mark.parametrize("shape", [(3,), (1, 4), (2, 3, 5)])
def test_dense_takes_any_shape(shape):
    x = torch.rand(4, *shape)
    module = DenseAutoencoder(shape, latent_dim=2)
    assert module(x).shape == x.shape
    assert module.encode(x).shape == (4, 2)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (1, 1, 1), (3, 5, 7), (1, 16, 1)])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("downsample", ["max", "average", "stride"])
@pytest.mark.parametrize("upsample", ["transpose", "nearest"])
@pytest.mark.parametrize("latent_dim", [None, 4])
def test_convolutions_take_any_size(shape, kernel_size, downsample, upsample, latent_dim):
    module = ConvAutoencoder(
        shape,
        channels=(4, 3),
        kernel_size=kernel_size,
        downsample=downsample,
        upsample=upsample,
        latent_dim=latent_dim,
    )
    x = torch.rand(2, *shape)
    code = module.encode(x)
    spatial = (3, *(math.ceil(side / 4) for side in shape[1:]))
    assert code.shape[1:] == ((4,) if latent_dim else spatial)
    assert module.decode(code).shape == x.shape
    assert torch.equal(module(x), module.decode(code))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(name):
    for module in (
        DenseAutoencoder((6,), activation=name),
        ConvAutoencoder((1, 6), activation=name),
        ResidualUNet((1, 6), activation=name),
    ):
        assert any(isinstance(m, type(ACTIVATIONS[name]())) for m in module.modules())


def test_padding_repeats_the_last_values():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    padded = pad_to_multiple(x, 4)
    assert padded.shape == (1, 1, 4, 4)
    assert padded[0, 0, :, 3].tolist() == [2.0, 5.0, 5.0, 5.0]
    assert pad_to_multiple(padded, 4) is padded


# ---------------------------------------------------------------- the U-Net
def randomised(module):
    """Give every weight a random value: no block is the identity any more."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.2, generator=generator)
    return module


def expected_count(sample_shape, channels, n_blocks, kernel_size, unshuffle):
    """Count the parameters of a U-Net layer by layer."""
    n_channels, *size = sample_shape

    def conv(n_in, n_out, width):
        return n_in * n_out * width ** len(size) + n_out

    n_unshuffled = n_channels * unshuffle ** len(size)
    ends = conv(n_unshuffled, channels[0], kernel_size) + conv(
        channels[0], n_unshuffled, kernel_size
    )
    levels = [*channels, *channels[:-1]]  # on the way down and on the way up
    blocks = sum(n_blocks * 2 * conv(width, width, kernel_size) for width in levels)
    strides = sum(
        conv(fine, coarse, 2) + conv(coarse, fine * 2 ** len(size), 1)
        for fine, coarse in itertools.pairwise(channels)
    )
    return ends + blocks + strides


def test_the_default_unet_has_240_612_parameters():
    module = ResidualUNet((1, 28, 28))
    assert count(module) == 240_612 == expected_count((1, 28, 28), (32, 64), 2, 3, 2)
    assert module.encode(torch.zeros(2, 1, 28, 28)).shape == (2, 64, 7, 7)


@pytest.mark.parametrize("shape", [(2, 30), (3, 8, 8)])
@pytest.mark.parametrize(
    ("channels", "n_blocks", "kernel_size", "unshuffle"),
    [((4,), 1, 3, 1), ((4, 6, 5), 3, 5, 2), ((4, 6), 2, 1, 4)],
)
def test_parameters_of_the_unet(shape, channels, n_blocks, kernel_size, unshuffle):
    settings = (channels, n_blocks, kernel_size, unshuffle)
    names = ("channels", "n_blocks", "kernel_size", "unshuffle")
    module = ResidualUNet(shape, **dict(zip(names, settings, strict=True)))
    assert count(module) == expected_count(shape, *settings)


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 9), (1, 64), (1, 1, 1), (3, 5, 7), (1, 16, 1), (1, 65, 64)]
)
@pytest.mark.parametrize("channels", [(4,), (4, 3), (2, 3, 4)])
@pytest.mark.parametrize("kernel_size", [1, 5])
@pytest.mark.parametrize("unshuffle", [1, 2, 3])
def test_the_unet_takes_any_size(shape, channels, kernel_size, unshuffle):
    module = ResidualUNet(
        shape, channels=channels, n_blocks=1, kernel_size=kernel_size, unshuffle=unshuffle
    )
    x = torch.rand(2, *shape)
    out = randomised(module)(x)
    assert out.shape == x.shape
    assert out.isfinite().all()
    stride = unshuffle * 2 ** (len(channels) - 1)
    spatial = tuple(math.ceil(side / stride) for side in shape[1:])
    assert module.encode(x).shape == (2, channels[-1], *spatial)
    assert not hasattr(module, "decode")


def test_the_unet_pads_by_the_last_values_and_crops():
    module = randomised(ResidualUNet((1, 5, 6), channels=(4, 3), n_blocks=1))
    x = torch.rand(2, 1, 5, 6)
    whole = module(pad_to_multiple(x, 4))
    assert whole.shape == (2, 1, 8, 8)
    torch.testing.assert_close(module(x), whole[:, :, :5, :6])
    torch.testing.assert_close(module.encode(x), module.encode(pad_to_multiple(x, 4)))


@pytest.mark.parametrize("shape", [(1, 12), (3, 12), (1, 6, 12), (2, 12, 6)])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_pixel_shuffle_undoes_pixel_unshuffle(shape, factor):
    x = torch.rand(2, *shape)
    n_axes = len(shape) - 1
    channels = PIXEL_UNSHUFFLE[n_axes](factor)(x)
    spatial = tuple(side // factor for side in shape[1:])
    assert channels.shape == (2, shape[0] * factor**n_axes, *spatial)
    assert torch.equal(PIXEL_SHUFFLE[n_axes](factor)(channels), x)
    # Channel c of the place (i, j) of a square is channel (c·factor + i)·factor + j.
    for channel, offsets in itertools.product(
        range(shape[0]), itertools.product(range(factor), repeat=n_axes)
    ):
        index = channel
        for offset in offsets:
            index = index * factor + offset
        places = tuple(slice(offset, None, factor) for offset in offsets)
        assert torch.equal(channels[:, index], x[:, channel][:, *places])


def blocks_of(module):
    return [block for way in (*module.ways_down, *module.ways_up) for block in way]


@pytest.mark.parametrize("shape", [(1, 16), (1, 8, 8)])
def test_blocks_are_the_identity_at_the_start_and_not_after_it(shape):
    module = ResidualUNet(shape, channels=(4, 6), n_blocks=3)
    assert len(blocks_of(module)) == 9
    for block in blocks_of(module):
        width = block.inner[0].in_channels
        x = torch.randn(2, width, *shape[1:])
        assert torch.equal(block(x), x)
        assert not torch.equal(randomised(block)(x), x)


def test_a_block_adds_what_its_convolutions_give():
    (block,) = blocks_of(ResidualUNet((1, 8, 8), channels=(4,), n_blocks=1, activation="relu"))
    randomised(block)
    first, _, second = block.inner
    x = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(block(x), x + second(first(x).relu()))


def test_the_residual_is_added_to_the_input():
    x = torch.rand(2, 1, 7, 9)
    settings = {"channels": (4, 3), "n_blocks": 1}
    plain = randomised(ResidualUNet((1, 7, 9), **settings))
    residual = ResidualUNet((1, 7, 9), residual=True, **settings)
    residual.load_state_dict(plain.state_dict())
    torch.testing.assert_close(residual(x), x + plain(x))
    for module in (plain, residual):
        for parameter in module.last.parameters():
            torch.nn.init.zeros_(parameter)
    assert torch.equal(residual(x), x)
    assert torch.equal(plain(x), torch.zeros_like(x))


def test_every_level_is_skipped_by_the_finer_ones():
    """Without the levels below it, the features of a level still change the output."""
    settings = {"channels": (4, 3, 2), "n_blocks": 1}
    module = randomised(ResidualUNet((1, 8, 8), **settings))
    x = torch.rand(2, 1, 8, 8)
    for level in range(2):
        cut = ResidualUNet((1, 8, 8), **settings)
        cut.load_state_dict(module.state_dict())
        for parameter in cut.halvings[level].parameters():
            torch.nn.init.zeros_(parameter)
        assert not torch.allclose(cut(x), module(x))
        assert not torch.allclose(*cut(x))


def test_the_receptive_field_of_the_default_unet():
    """19 pixels of the first level to each side, which are two pixels each: 76 in all."""
    module = randomised(ResidualUNet((1, 1, 128), activation="identity")).double()
    x = torch.rand(1, 1, 1, 128, dtype=torch.float64, requires_grad=True)
    for place in range(60, 64):
        (gradient,) = torch.autograd.grad(module(x)[0, 0, 0, place], x)
        seen = gradient.flatten().nonzero()
        assert seen.max() - seen.min() + 1 == 76


@pytest.mark.parametrize("downsample", ["max", "stride"])
@pytest.mark.parametrize("size", [(15, 2), (16, 1), (33, 3), (64, 4)])
def test_narrow_images_have_finite_gradients_in_bfloat16(downsample, size):
    """Kernels of some processors read beyond images of width 1."""
    for seed in range(40):
        torch.manual_seed(seed)
        module = ConvAutoencoder((1, *size), channels=(4, 4), downsample=downsample)
        module = module.to(memory_format=torch.channels_last)
        x = torch.rand((10, 1, *size)).contiguous(memory_format=torch.channels_last)
        garbage = [torch.full((2**k,), torch.nan) for k in range(2, 16)]
        del garbage
        with torch.autocast("cpu", torch.bfloat16):
            output = module(x).float()
        (output - x).square().mean().backward()
        for name, parameter in module.named_parameters():
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.abs().max() < 100, name


class Recording(torch.nn.Identity):
    """Note the dtype of the input, and whether autocast is on."""

    def forward(self, x):
        self.seen = x.dtype, torch.is_autocast_enabled("cpu")
        return x


EXACT, ROUNDED = (torch.float32, False), (torch.bfloat16, True)


@pytest.mark.parametrize("exact", ["first", "last"])
def test_the_exact_layer_runs_in_float32_inside_of_autocast(exact):
    layers = [Recording() for _ in range(3)]
    module = MixedSequential(*layers, exact=exact)
    dtype = torch.float32 if exact == "first" else torch.bfloat16
    x = torch.rand(4, 5).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        out = module(x)
    at = 0 if exact == "first" else 2
    assert [layer.seen for layer in layers] == [EXACT if i == at else ROUNDED for i in range(3)]
    assert out.dtype == (torch.bfloat16 if exact == "first" else torch.float32)
    module(x.double())
    assert {layer.seen for layer in layers} == {(torch.float64, False)}


@pytest.mark.parametrize(
    ("layer", "size", "expected"),
    [
        (torch.nn.Conv2d(1, 1, 3, 2, 1), (8, 2), torch.float32),
        (torch.nn.Conv2d(1, 1, 3, 2, 1), (2, 3), torch.bfloat16),
        (torch.nn.Conv2d(1, 1, 3, 1, 1), (8, 1), torch.bfloat16),
        (torch.nn.ConvTranspose2d(1, 1, 3, 2, 1, 1), (8, 1), torch.float32),
        (torch.nn.ConvTranspose2d(1, 1, 3, 2, 1, 1), (1, 2), torch.bfloat16),
    ],
)
def test_strided_layers_of_narrow_images_run_in_float32(layer, size, expected):
    module = MixedSequential(torch.nn.Identity(), layer, Recording(), exact="first")
    with torch.autocast("cpu", torch.bfloat16):
        module(torch.rand(2, 1, *size))
    assert module[2].seen[0] == expected


def test_names_of_weights_are_those_of_a_plain_sequence():
    names = list(ConvAutoencoder((1, 8, 8), channels=(4,)).state_dict())
    assert names[:2] == ["encoder.0.weight", "encoder.0.bias"]
    assert names[-2:] == ["decoder.2.weight", "decoder.2.bias"]
    unet = ResidualUNet((1, 8), channels=(4, 3), n_blocks=1)
    parts = ["doublings", "first", "halvings", "last", "ways_down", "ways_up"]
    assert sorted({name.split(".")[0] for name in unet.state_dict()}) == parts
