"""Checksums of fits, to compare before and after code is moved; they hold on one machine only.

SKDAE_PINS=write python -m pytest tests/test_pins.py    # before
SKDAE_PINS=check python -m pytest tests/test_pins.py    # after
"""

import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from torch import nn

from skdae import (
    ChainNoise,
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    MaskingNoise,
    PoissonNoise,
    SwapNoise,
    UNetDAE,
    make_denoising_scorer,
)

FILE = Path(__file__).with_name("pins.json")
SHARED = {"max_epochs": 3, "random_state": 0, "precision": "float32", "device": "cpu"}
RNG = np.random.default_rng(0)
TABLE = RNG.random((150, 12)).astype(np.float32)
IMAGES = RNG.random((60, 12, 12)).astype(np.float32)
COLOURS = (RNG.random((40, 12, 12, 3)) * 255).astype(np.uint8)
SIGNALS = RNG.random((50, 64, 2)).astype(np.float32) * 5 + 300
LIST = [RNG.random((20 + i, 24, 1)).astype(np.float32) for i in range(6)]
NOISY = np.clip(IMAGES + RNG.normal(size=IMAGES.shape) * 0.1, 0, 1).astype(np.float32)


class Own(nn.Module):
    def __init__(self, sample_shape, width=8):
        super().__init__()
        n = int(np.prod(sample_shape))
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(n, width), nn.Dropout(0.2), nn.ReLU())
        self.decode = nn.Sequential(nn.Linear(width, n), nn.Unflatten(1, sample_shape))

    def forward(self, x):
        return self.decode(self.encode(x))


def alone(dae, mode):
    return dae.set_params(self_supervised=mode)


def unet(**kwargs):
    return UNetDAE((4, 6), n_blocks=1, **SHARED, **kwargs)


def pickled_between(dae, X):
    dae.fit(X)
    return pickle.loads(pickle.dumps(dae)).fit(X)


def two_parts(dae, X):
    return dae.partial_fit(X[:30]).partial_fit(X)


FITS = {
    "dense": lambda: (DenseDAE((8,), noise="gaussian", **SHARED).fit(TABLE), TABLE),
    "dense_early": lambda: (
        DenseDAE((8,), noise=SwapNoise(0.2), early_stopping=True, **SHARED).fit(TABLE),
        TABLE,
    ),
    "dense_bce": lambda: (DenseDAE((8,), noise="masking", loss="bce", **SHARED).fit(TABLE), TABLE),
    "dense_pipeline": lambda: (
        make_pipeline(GaussianNoise(0.2, random_state=0), DenseDAE((8,), **SHARED)).fit(TABLE)[-1],
        TABLE,
    ),
    "dense_warm": lambda: (
        pickled_between(DenseDAE((8,), noise="gaussian", warm_start=True, **SHARED), TABLE),
        TABLE,
    ),
    "dense_images": lambda: (DenseDAE((8,), noise="speckle", **SHARED).fit(COLOURS), COLOURS),
    "dense_split": lambda: (
        alone(DenseDAE((8,), noise=GaussianNoise(0.1), **SHARED), "split_noise").fit(TABLE),
        TABLE,
    ),
    "conv": lambda: (
        ConvDAE(
            (4, 6), noise=ChainNoise([("p", PoissonNoise(30)), ("m", MaskingNoise(0.1))]), **SHARED
        ).fit(IMAGES),
        IMAGES,
    ),
    "conv_latent": lambda: (
        two_parts(ConvDAE((4,), latent_dim=5, noise="gaussian", **SHARED), COLOURS),
        COLOURS,
    ),
    "conv_signals": lambda: (
        ConvDAE((4, 6), noise=GaussianNoise((0.1, 2)), **SHARED).fit(SIGNALS),
        SIGNALS,
    ),
    "conv_list": lambda: (
        ConvDAE(
            (4, 6),
            noise="gaussian",
            patch_size=8,
            augment=True,
            loss="l1",
            early_stopping=True,
            **SHARED,
        ).fit(LIST),
        LIST,
    ),
    "unet_list": lambda: (unet(noise="gaussian", patch_size=(8, 12)).fit(LIST), LIST),
    "unet_pairs": lambda: (unet().fit(NOISY, IMAGES), NOISY),
    "unet_pairs_noise": lambda: (unet(noise="gaussian", loss="huber").fit(NOISY, IMAGES), NOISY),
    "unet_pairs_list": lambda: (
        unet(patch_size=8).fit([x + 0.1 for x in LIST], LIST),
        LIST,
    ),
    "unet_split": lambda: (
        alone(unet(noise=GaussianNoise(0.1), patch_size=8, augment=True), "split_noise").fit(NOISY),
        NOISY,
    ),
    "unet_blind": lambda: (alone(unet(), "blind_spot").fit(NOISY), NOISY),
    "unet_blind_list": lambda: (alone(unet(patch_size=8), "blind_spot").fit(LIST), LIST),
    "unet_bfloat16": lambda: (
        UNetDAE((4, 6), n_blocks=1, noise="gaussian", **{**SHARED, "precision": "bfloat16"}).fit(
            IMAGES
        ),
        IMAGES,
    ),
    "own": lambda: (
        DenoisingAutoencoder(Own, noise="gaussian", **SHARED).fit(TABLE),
        TABLE,
    ),
}


def checksum(dae, X):
    seen = hashlib.sha256()

    def see(value):
        for part in value if isinstance(value, list) else [value]:
            seen.update(np.ascontiguousarray(part).tobytes())

    for _, value in sorted(dae.net_.module_.state_dict().items()):
        see(value.contiguous().numpy())
    see(dae.predict(X))
    see(np.array(dae.loss_curve_ + dae.validation_loss_curve_))
    see(np.array(dae.score(X)))
    see(dae.score_samples(X))
    if not isinstance(X, list):
        see(dae.transform(X))
        if hasattr(dae, "inverse_transform"):
            see(dae.inverse_transform(dae.transform(X)))
        see(np.array(make_denoising_scorer(GaussianNoise(0.1), random_state=0)(dae, X)))
    else:
        see(dae.predict(X[0]))
        see(dae.transform([X[0]]))
    if isinstance(dae, (ConvDAE, UNetDAE)) and dae.net_.module_.reach is not None:
        if len(dae.sample_shape_) == 3:
            see(dae.predict(X[:2], tta=True))
        see(dae.predict(X[:2], j_invariant=True))
    return seen.hexdigest()


@pytest.mark.skipif("SKDAE_PINS" not in os.environ, reason="SKDAE_PINS is not set")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FITS)
def test_bits_stay(name):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = checksum(*FITS[name]())
    finally:
        torch.set_num_threads(before)
    pins = json.loads(FILE.read_text()) if FILE.exists() else {}
    if os.environ.get("SKDAE_PINS") == "write":
        FILE.write_text(json.dumps({**pins, name: found}, indent=1) + "\n")
        return
    assert found == pins[name]
