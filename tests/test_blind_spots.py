"""Blind spots: which values are hidden, what replaces them, and what the loss sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from skdae._random import make_generator
from skdae.tasks._blind_spot import hide_spots
from skdae.training import at_spots


def places(*size: int, n: int = 1) -> torch.Tensor:
    """Make samples in which every value is its own index."""
    numbers = torch.arange(float(np.prod(size))).view(1, 1, *size)
    return numbers.expand(n, 1, *size).clone()


@pytest.mark.parametrize("size", [(3, 3), (4, 7), (5, 5), (32, 32), (3,), (4,), (200,)])
def test_hidden_values_come_from_near_and_never_from_their_own_place(size):
    x = places(*size, n=200)
    hidden, spots = hide_spots(x, make_generator(0))
    changed = hidden != x
    # Every spot was replaced by another place; nothing else was.
    at_spot = torch.zeros(len(x), int(np.prod(size)), dtype=torch.bool).scatter_(1, spots, True)
    assert torch.equal(changed.flatten(1), at_spot)
    sources = at_spots(hidden, spots)[:, 0].long().numpy()
    own = np.unravel_index(spots.numpy(), size)
    other = np.unravel_index(sources, size)
    for a, b in zip(own, other, strict=True):
        assert np.abs(a - b).max() <= 2


def test_spots_and_steps_are_uniform():
    x = places(16, 16, n=2000)
    hidden, spots = hide_spots(x, make_generator(1))
    assert spots.shape == (2000, 16 * 16 // 5)
    counts = np.bincount(spots.flatten().numpy(), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4
    row, column = np.unravel_index(spots.numpy(), (16, 16))
    inside = (row > 1) & (row < 14) & (column > 1) & (column < 14)
    sources = np.unravel_index(at_spots(hidden, spots)[:, 0].long().numpy(), (16, 16))
    steps = ((sources[0] - row + 2) * 5 + (sources[1] - column + 2))[inside]
    counts = np.delete(np.bincount(steps, minlength=25), 12)
    assert np.bincount(steps, minlength=25)[12] == 0
    assert stats.chisquare(counts).pvalue > 1e-4


def test_all_channels_are_hidden_together():
    x = torch.cat([places(9, 9), places(9, 9) + 1000], dim=1)
    hidden, _ = hide_spots(x, make_generator(0))
    assert torch.equal(hidden[:, 0] + 1000, hidden[:, 1])


def test_channels_last_memory_changes_nothing():
    x = torch.rand(4, 3, 8, 8)
    plain, spots = hide_spots(x, make_generator(0))
    strided, same_spots = hide_spots(
        x.contiguous(memory_format=torch.channels_last), make_generator(0)
    )
    assert torch.equal(plain, strided)
    assert torch.equal(spots, same_spots)


def test_the_input_is_left_alone():
    x = places(8, 8)
    before = x.clone()
    hide_spots(x, make_generator(0))
    assert torch.equal(x, before)
