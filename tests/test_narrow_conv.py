"""A convolution to few channels is torch's own, in value and in gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from skdae.nn._narrow_conv import NarrowConv2d, _ShiftedPlanes

SIZES = [(1, 32, 1, 1), (3, 32, 7, 9), (2, 40, 1, 6), (5, 64, 12, 4), (16, 32, 28, 28)]


def pair(n_in: int, n_out: int, kernel_size: int) -> tuple[nn.Module, nn.Module]:
    """Make the same convolution twice: ours, and torch's."""
    ours = NarrowConv2d(n_in, n_out, kernel_size)
    plain = nn.Conv2d(n_in, n_out, kernel_size, padding=kernel_size // 2)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize(("n_out", "kernel_size"), [(1, 1), (3, 1), (1, 3), (3, 3), (1, 5)])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_values_and_gradients(shape, n_out, kernel_size, memory_format):
    generator = torch.Generator().manual_seed(0)
    ours, plain = pair(shape[1], n_out, kernel_size)
    x = torch.randn(shape, generator=generator).contiguous(memory_format=memory_format)
    weights = torch.randn((shape[0], n_out, *shape[2:]), generator=generator)
    results = []
    for conv in (ours, plain):
        leaf = x.clone().requires_grad_()
        out = conv(leaf)
        assert out.shape == weights.shape
        (out * weights).sum().backward()
        results.append([out.detach(), leaf.grad, conv.weight.grad, conv.bias.grad])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * b.abs().max().item())


def test_the_product_is_what_runs(monkeypatch):
    calls = []
    apply = _ShiftedPlanes.apply
    monkeypatch.setattr(_ShiftedPlanes, "apply", lambda *args: calls.append(1) or apply(*args))
    ours, plain = pair(32, 1, 3)
    x = torch.rand(2, 32, 8, 8)
    ours(x)
    assert len(calls) == 1
    # Many channels, another precision and another dtype are left to torch.
    assert torch.equal(*(conv(torch.ones(2, 32, 8, 8)) for conv in pair(32, 32, 3)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ours(x), plain(x))
    ours.double(), plain.double()
    assert torch.equal(ours(x.double()), plain(x.double()))
    assert len(calls) == 1


def test_the_gradient_predicts_small_changes():
    ours, _ = pair(32, 2, 3)
    x = torch.randn(2, 32, 5, 6, requires_grad=True)
    out = ours(x).square().sum()
    (gradient,) = torch.autograd.grad(out, x)
    step = 1e-2 * torch.randn_like(x)
    change = ours(x.detach() + step).square().sum() - ours(x.detach() - step).square().sum()
    assert change.item() == pytest.approx(2 * (gradient * step).sum().item(), rel=1e-2)
