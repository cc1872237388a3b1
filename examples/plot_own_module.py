"""
How do I use a torch module of my own?
======================================

Pass it to :class:`~skdae.DenoisingAutoencoder`; or, to search its settings, write an estimator
around it in about ten lines.
"""

# %%
# A module
# --------
# It is built from the shape of one sample, which has its channels first: ``(1, 8, 8)`` for a gray
# image of 8 x 8. It has ``encode``, ``decode`` and ``forward``, and returns the shape that it gets.
# This one has layer normalisation, which :class:`~skdae.DenseDAE` does not have.

import math

from torch import nn


class NormalisedAutoencoder(nn.Module):
    def __init__(self, sample_shape, width=128):
        super().__init__()
        n_values = math.prod(sample_shape)
        self.encode = nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_values, width),
            nn.LayerNorm(width),
            nn.GELU(),
        )
        self.decode = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, n_values),
            nn.Unflatten(1, sample_shape),
        )  # fmt: skip

    def forward(self, x):
        return self.decode(self.encode(x))


# %%
# Pass it to an estimator
# -----------------------
# Pass the class, not an object of it: every fit builds a new one. Everything else is as in the
# other estimators.

from sklearn.model_selection import train_test_split

from skdae import DenoisingAutoencoder, GaussianNoise, psnr
from skdae.datasets import load_digits

X, _ = load_digits()
X_train, X_test = train_test_split(X, random_state=0)

noise = GaussianNoise(sigma=0.4)
X_noisy = noise.corrupt(X_test, random_state=0)

dae = DenoisingAutoencoder(
    NormalisedAutoencoder, noise=noise, random_state=0
).fit(X_train)
X_denoised = dae.predict(X_noisy)
print(f"{psnr(X_test, X_noisy):.2f} dB -> {psnr(X_test, X_denoised):.2f} dB")

# %%
# For other settings, pass a function: ``functools.partial(NormalisedAutoencoder, width=64)``.
#
# Make an estimator of it
# -----------------------
# What a grid search varies must be a parameter of the estimator. Derive from
# :class:`~skdae.BaseDenoisingAutoencoder`, store them in ``__init__`` as scikit-learn wants it, and
# build the module in ``_build_module``.

from skdae import BaseDenoisingAutoencoder


class NormalisedDAE(BaseDenoisingAutoencoder):
    def __init__(
        self, width=128, *, noise="auto", max_epochs="auto", random_state=None
    ):
        self.width = width
        self.noise = noise
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _build_module(self, sample_shape):
        return NormalisedAutoencoder(sample_shape, self.width)


# %%
# It fits, predicts, encodes, clones and pickles, goes into pipelines, and can be searched.

from sklearn.model_selection import GridSearchCV

from skdae import make_denoising_scorer

search = GridSearchCV(
    NormalisedDAE(noise=noise, max_epochs=10, random_state=0),
    {"width": [16, 32, 64, 128]},
    scoring=make_denoising_scorer(noise, metric="psnr"),
    cv=3,
).fit(X_train)
search.best_params_

# %%
# How wide should it be?
# ----------------------

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
ax.errorbar(
    search.param_grid["width"],
    search.cv_results_["mean_test_score"],
    yerr=search.cv_results_["std_test_score"],
    marker="o",
    capsize=3,
)
ax.set(xlabel="width", ylabel="PSNR (dB)", xscale="log")
ax.set_xticks(search.param_grid["width"], search.param_grid["width"])
ax.minorticks_off()
ax.spines[["top", "right"]].set_visible(False)
plt.show()
