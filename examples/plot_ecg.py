"""
How do I clean an ECG?
======================

The electrode of a walking patient moves, and adds a voltage that is as slow and as large as that
of the heart. A band-pass that removes it also removes the slow waves of the heart. An autoencoder
learns what a heart beat looks like.
"""

# %%
# The recordings
# --------------
# Ten simulated minutes of a heart, with some early beats, and of an electrode that drifts and
# jumps. Set ``SKDAE_DATA`` to a folder with ``ecg/100.dat`` (MIT-BIH arrhythmia
# database) and ``ecg/em.dat`` (the real electrode motion of the noise stress test database) to take
# those instead.

import os
from pathlib import Path

import numpy as np

RATE = 360  # samples a second
MINUTE = 60 * RATE


def make_heart(rng, minutes):
    """Add up the waves of heart beats: (length, 2), in mV."""
    time = np.arange(minutes * MINUTE) / RATE
    between = rng.normal(0.8, 0.05, 2 * 60 * minutes)
    beats = np.cumsum(between - 0.25 * (rng.random() < 0.05))
    ecg = np.zeros((len(time), 2))
    #          after, s  width, s  height in both leads, mV
    waves = [
        (-0.18, 0.025, 0.15, 0.10),
        (-0.03, 0.010, -0.1, -0.2),
        (0.0, 0.010, 1.2, 0.6),
        (0.03, 0.010, -0.25, -0.5),
        (0.28, 0.060, 0.3, 0.2),
    ]
    for beat in beats[beats < time[-1]]:
        near = slice(*np.searchsorted(time, (beat - 0.5, beat + 0.7)))
        for after, width, *heights in waves:
            bump = np.exp(-0.5 * ((time[near] - beat - after) / width) ** 2)
            ecg[near] += bump[:, np.newaxis] * rng.normal(heights, 0.03)
    return ecg


def make_motion(rng, minutes):
    """Wander and jump: (length, 2)."""
    steps = rng.normal(size=(minutes * MINUTE, 2))
    steps += rng.normal(0, 60, steps.shape) * (rng.random(steps.shape) < 0.0008)
    walk = lfilter([1], [1, -0.995], steps, axis=0)
    return lfilter([0.2], [1, -0.8], walk, axis=0)


def read_wfdb(path):
    """Read two leads in format 212: two numbers of 12 bits in three bytes."""
    triples = np.fromfile(path, np.uint8).reshape(-1, 3).astype(int)
    first, middle, last = triples.T
    both = first | (middle & 15) << 8, last | (middle & 240) << 4
    both = np.stack(both, axis=1)
    return np.where(both < 2048, both, both - 4096)


from scipy.signal import butter, lfilter, sosfiltfilt

folder = Path(os.environ.get("SKDAE_DATA", "no such folder")) / "ecg"
if folder.exists():
    heart = read_wfdb(folder / "100.dat") / 200
    motion = read_wfdb(folder / "em.dat")
    # The record has a wandering baseline itself.
    no_wander = butter(2, 0.5, "highpass", fs=RATE, output="sos")
    heart = sosfiltfilt(no_wander, heart, axis=0)
else:
    rng = np.random.default_rng(0)
    heart, motion = make_heart(rng, 10), make_motion(rng, 10)

split = int(0.8 * len(heart))
heart = heart - heart[:split].mean(0)
# As strong as the heart: 0 dB.
motion = (motion - motion.mean(0)) / motion.std(0) * heart.std(0)
heart.shape

# %%
# A noise of your own
# -------------------
# The noise is a stretch of what an electrode records without a heart, drawn at random for every
# sample of a batch. That takes a class with one formula; the estimator does the rest.

import torch

from skdae import NoiseInjector


class RecordedNoise(NoiseInjector):
    """Add random stretches of a recording (length, channels)."""

    _level = "scale"

    def __init__(
        self, recording, scale=1.0, *, clip=None, random_state=None, when="fit"
    ):
        self.recording = recording
        self.scale = scale
        self.clip = clip
        self.random_state = random_state
        self.when = when

    def _corrupt(self, x, level, generator):
        where = {"device": x.device}
        recording = torch.as_tensor(self.recording, dtype=x.dtype, **where)
        # A row holds all channels of one moment.
        length = x[0].numel() // recording.shape[1]
        ends = len(recording) - length + 1
        starts = torch.randint(ends, (len(x), 1), generator=generator, **where)
        stretches = recording[starts + torch.arange(length, **where)]
        return x + level * stretches.reshape(x.shape)


# %%
# Train on the first part
# -----------------------
# A single recording is a list of one. ``unshuffle=8`` makes channels of eight samples, so that a
# network of three levels uses two seconds around each sample.

from skdae import UNetDAE

dae = UNetDAE(
    (32, 32, 64),
    kernel_size=5,
    unshuffle=8,
    noise=RecordedNoise(motion[:split].astype(np.float32)),
    patch_size=2048,
    batch_size=4,
    max_epochs=20,
    random_state=0,
)
dae.fit([heart[:split]])

# %%
# Evaluate on the rest
# --------------------
# The network was trained neither on these heart beats nor on this noise. The gain is the ratio of
# the squared errors before and after, in dB.

import pywt

clean = heart[split:]
noisy = clean + motion[split:]


def band_pass(x, low=2, high=40):
    """Keep what is neither slow nor fast."""
    sections = butter(4, (low, high), "bandpass", fs=RATE, output="sos")
    return sosfiltfilt(sections, x, axis=0)


def wavelets(x, dropped=3):
    """Leave out the slow wavelets."""
    coefficients = pywt.wavedec(x, "sym8", level=9, axis=0)
    for c in coefficients[:dropped]:
        c[:] = 0
    return pywt.waverec(coefficients, "sym8", axis=0)[: len(x)]


results = {
    "band-pass": band_pass(noisy),
    "wavelets": wavelets(noisy),
    "UNetDAE": dae.predict([noisy])[0],
}
for name, denoised in results.items():
    ratio = np.mean((noisy - clean) ** 2) / np.mean((denoised - clean) ** 2)
    gain = 10 * np.log10(ratio)
    print(f"{name:12}{gain:6.2f} dB")

# %%
# Look at it
# ----------
# Six seconds of the first lead, and one beat.

import matplotlib.pyplot as plt

start = 30 * RATE
shown = {"noisy": noisy, **results}
layout = {"figsize": (12, 8), "layout": "constrained"}
figure, axes = plt.subplots(4, 2, sharey=True, width_ratios=(4, 1), **layout)
for row, (name, signal) in zip(axes, shown.items(), strict=True):
    for ax, length in zip(row, (6 * RATE, RATE), strict=True):
        seconds, part = np.arange(length) / RATE, slice(start, start + length)
        ax.plot(seconds, clean[part, 0], color="0.75", lw=3, label="clean")
        ax.plot(seconds, signal[part, 0], lw=1, label=name)
    row[0].set_ylabel("mV")
    row[0].legend(loc="upper right", ncols=2)
_ = [ax.set_xlabel("s") for ax in axes[-1]]
