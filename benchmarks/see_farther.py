"""Let the shipped net for gray photographs see farther, train it on, and say what that gains.

    python benchmarks/see_farther.py --tiles pretrained --minutes 6

Each way adds something to the shipped net that does nothing at first, and trains all of it on for
the same CPU time; "blocks" adds as much without seeing farther. Non-local means take a second for
a tile: hence fewer tiles, each with one draw of noise, and "blocks, few tiles" beside them. Stripes
are where a net of short sight loses against BM3D: Barbara, and three photographs of BSD400.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from _photos import mean_psnr, noisy, read_photos
from _pretrain_data import as_gray, validation_photos
from _report import print_machine, print_table
from pretrain import prepare
from torch import Tensor, nn

from skdae import pretrained
from skdae.nn._layers import ResidualBlock

SIGMA = 25
BARBARA = 8  # of Set12
# Photographs of BSD400 on which BM3D leads most: roofs, a fence, cloth.
STRIPED = (29, 381, 397)
PATCH, BATCH, LR = 96, 8, 1e-4
LEVELS = (10 / 255, 55 / 255)
# Non-local means: half the width of the window, and of the patches that are compared.
WINDOW, HALF_PATCH, STRENGTH = 12, 2, 0.4
PILOT_BATCH = 8


class Deeper(nn.Module):
    """Residual blocks at half the size, whose result is added."""

    def __init__(self, width: int):
        super().__init__()
        self.halving = nn.Conv2d(width, width, 2, 2)
        self.blocks = nn.Sequential(*(ResidualBlock(2, width, 3, "gelu") for _ in range(3)))
        self.doubling = zeros_at_first(nn.Conv2d(width, 4 * width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, with what the half size adds."""
        height, width = x.shape[2:]
        even = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        added = F.pixel_shuffle(self.doubling(self.blocks(self.halving(even))), 2)
        return x + added[..., :height, :width]


class Attention(nn.Module):
    """Attention of four heads over all places of the deepest level, whose result is added."""

    n_heads = 4

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.inputs = nn.Conv2d(width, 3 * width, 1)
        self.output = zeros_at_first(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, with what alike places have."""
        n, width, *size = x.shape
        parts = self.inputs(self.norm(x)).flatten(2).view(n, 3, self.n_heads, -1, size[0] * size[1])
        query, key, value = parts.transpose(-1, -2).unbind(1)
        seen = F.scaled_dot_product_attention(query, key, value)
        return x + self.output(seen.transpose(-1, -2).reshape(n, width, *size))


class TwoInputs(nn.Module):
    """The net, with non-local means as a second input."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net
        first = net.first
        wide = nn.Conv2d(2 * first.in_channels, first.out_channels, 3, padding=1)
        with torch.no_grad():
            wide.weight.zero_()
            wide.weight[:, : first.in_channels] = first.weight
            wide.bias.copy_(first.bias)
        net.first, net.residual = wide, False

    def forward(self, x: Tensor) -> Tensor:
        """Denoise the first channel."""
        return x[:, :1] + self.net(x)


def zeros_at_first(conv: nn.Conv2d) -> nn.Conv2d:
    """Return the convolution with weights of 0."""
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)
    return conv


def blocks(dilations: tuple[int, ...], width: int) -> list[nn.Module]:
    """Return residual blocks of these dilations."""
    added = [ResidualBlock(2, width, 3, "gelu") for _ in dilations]
    for block, dilation in zip(added, dilations, strict=True):
        for conv in (block.inner[0], block.inner[2]):
            conv.dilation = conv.padding = (dilation, dilation)
    return added


def widened(net: nn.Module, way: str) -> nn.Module:
    """Return a copy of the net that sees farther, or has as much in another way."""
    net = copy.deepcopy(net)
    if way == "non-local means, few tiles":
        return TwoInputs(net)
    deepest = net.ways_down[-1]
    width = deepest[0].inner[0].in_channels
    added = {
        "blocks": lambda: blocks((1, 1), width),
        "dilation 2, 4": lambda: blocks((2, 4), width),
        "third level": lambda: [Deeper(width)],
        "attention": lambda: [Attention(width)],
    }[way.removesuffix(", few tiles")]()
    net.ways_down[-1] = nn.Sequential(*deepest, *added)
    return net


WAYS = (
    *("blocks", "dilation 2, 4", "third level", "attention"),
    *("blocks, few tiles", "non-local means, few tiles"),
)


def non_local_means(x: Tensor, pilot: Tensor, sigma: Tensor) -> Tensor:
    """Average noisy values (n, 1, h, w) over places around whose patches in the pilot are alike."""
    height, width = x.shape[2:]
    far = (WINDOW,) * 4
    wide, wide_pilot = F.pad(x, far, mode="reflect"), F.pad(pilot, far, mode="reflect")
    total, weights = torch.zeros_like(x), torch.zeros_like(x)
    for dy in range(2 * WINDOW + 1):
        for dx in range(2 * WINDOW + 1):
            place = (..., slice(dy, dy + height), slice(dx, dx + width))
            difference = F.pad((pilot - wide_pilot[place]) ** 2, (HALF_PATCH,) * 4, mode="reflect")
            distance = F.avg_pool2d(difference, 2 * HALF_PATCH + 1, 1)
            weight = torch.exp(-distance / (STRENGTH * sigma) ** 2)
            total += weight * wide[place]
            weights += weight
    return total / weights


@torch.inference_mode()
def inputs_of(net: nn.Module, x: Tensor, sigma: Tensor) -> Tensor:
    """Return noisy values (n, 1, h, w) and, as a second channel, their non-local means."""
    with torch.autocast("cpu", torch.bfloat16):
        pilot = net(x).float()
    return torch.cat([x, non_local_means(x, pilot, sigma)], dim=1)


def with_noise(clean: Tensor, generator: torch.Generator, scale: float) -> tuple[Tensor, Tensor]:
    """Return noisy tiles, and the level of each."""
    low, high = LEVELS
    share = torch.rand(len(clean), 1, 1, 1, generator=generator)
    sigma = (low + (high - low) * share) / scale
    return clean + sigma * torch.randn(clean.shape, generator=generator), sigma


def two_inputs(net: nn.Module, clean: Tensor, seed: int, scale: float) -> Tensor:
    """Return one draw of noise for each tile, with non-local means: (n, 2, h, w)."""
    x, sigma = with_noise(clean, torch.Generator().manual_seed(seed), scale)
    parts = zip(x.split(PILOT_BATCH), sigma.split(PILOT_BATCH), strict=True)
    return torch.cat([inputs_of(net, *part) for part in parts])


def train(
    net: nn.Module, clean: Tensor, X: Tensor | None, scale: float, options: argparse.Namespace
) -> int:
    """Train on for some CPU time, without X with new noise, and return the number of steps."""
    generator = torch.Generator().manual_seed(options.seed)
    net.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    start, n_steps, seconds = time.process_time(), 0, 60 * options.minutes
    while (spent := (time.process_time() - start) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = LR * min(1, (n_steps + 1) / 100) * (1 - spent)
        rows = torch.randint(len(clean), (BATCH,), generator=generator)
        y, x = torch.randint(clean.shape[-1] - PATCH + 1, (2,), generator=generator)
        place = (rows, slice(None), slice(y, y + PATCH), slice(x, x + PATCH))
        target = clean[place]
        given = with_noise(target, generator, scale)[0] if X is None else X[place]
        turns = int(torch.randint(4, (1,), generator=generator))
        is_mirrored = torch.rand((), generator=generator) < 0.5
        given, target = (
            (part.flip(3) if is_mirrored else part)
            .rot90(turns, (2, 3))
            .contiguous(memory_format=torch.channels_last)
            for part in (given, target)
        )
        with torch.autocast("cpu", torch.bfloat16):
            out = net(given)
        optimizer.zero_grad()
        F.l1_loss(out.float(), target).backward()
        optimizer.step()
        n_steps += 1
    return n_steps


@torch.inference_mode()
def denoised(net: nn.Module, x: Tensor) -> np.ndarray:
    """Return a photograph (h, w) as the net predicts it."""
    with torch.autocast("cpu", torch.bfloat16):
        return net(x)[0, 0].float().numpy()


def main() -> None:
    """Train each way, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ways", nargs="*", metavar="WAY", help=", ".join(WAYS))
    parser.add_argument("--minutes", type=float, default=6, help="of CPU time for each way")
    parser.add_argument("--few", type=int, default=400, help="tiles with non-local means")
    parser.add_argument("--tiles", type=Path, default=Path("pretrained"), help="of pretrain.py")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if unknown := set(options.ways) - set(WAYS):
        parser.error(f"no way {sorted(unknown)}")
    torch.set_num_threads(1)
    print_machine()
    options.tiles.mkdir(parents=True, exist_ok=True)
    prepare(options.tiles, None)

    dae = pretrained.load("photos-gray", device="cpu")
    net = dae.net_.module_.eval()
    ((center,), scale) = dae._format.units[0][0], dae._format.units[0][1]
    tiles = np.concatenate([np.load(options.tiles / f"{k}.npy") for k in ("photos", "drawings")])
    mixed = np.random.default_rng(options.seed).permutation(len(tiles))
    clean = (torch.from_numpy(as_gray(tiles[mixed]))[:, None] - center) / scale
    few = clean[: options.few]

    photos = [as_gray(photo) for photo in validation_photos()]
    groups = {
        "validation": photos,
        "striped": [read_photos("bsd400")[i] for i in STRIPED],
        "Barbara": [read_photos("set12")[BARBARA]],
    }
    tests = {}
    for name, group in groups.items():
        rows = [torch.from_numpy((x - center) / scale)[None, None] for x in noisy(group, SIGMA)]
        sigma = torch.tensor(SIGMA / 255 / scale)
        tests[name] = [inputs_of(net, row, sigma) for row in rows]

    results, X = [], None
    for way in ("as shipped", *(options.ways or WAYS)):
        torch.manual_seed(options.seed)
        trained, n_steps = (net, 0) if way == "as shipped" else (widened(net, way), 0)
        n_channels = 2 if isinstance(trained, TwoInputs) else 1
        if way.endswith("few tiles"):
            if X is None:
                X = two_inputs(net, few, options.seed, scale)
            n_steps = train(trained, few, X[:, :n_channels], scale, options)
        elif trained is not net:
            n_steps = train(trained, clean, None, scale, options)
        trained.eval()
        row = [way, f"{sum(p.numel() for p in trained.parameters()):,}", f"{n_steps:,}"]
        for name, group in groups.items():
            start = time.process_time()
            out = [denoised(trained, x[:, :n_channels]) * scale + center for x in tests[name]]
            row.append(f"{mean_psnr(group, out):.2f}")
        results.append([*row, f"{time.process_time() - start:.2f}"])
        print(results[-1], flush=True)
    print_table(["way", "parameters", "steps", *groups, "CPU s of Barbara"], results)


if __name__ == "__main__":
    main()
