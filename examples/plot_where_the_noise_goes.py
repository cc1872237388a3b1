"""
Where does the noise go?
========================

A denoising autoencoder learns from pairs: noisy data in, clean data out. There are three ways to
hand it the pairs, and one that looks right and is wrong. Here are all of them, on the same digits,
with the same network, for the same number of epochs.
"""

# %%
# The task: digits with values from 0 to 1, Gaussian noise of sigma 0.4, and held-out digits, with
# noise from another seed, to judge by.

from sklearn.model_selection import train_test_split

from skdae import DenseDAE, GaussianNoise
from skdae.datasets import load_digits

X, _ = load_digits()
X_train, X_test = train_test_split(X, random_state=0)

noise = GaussianNoise(sigma=0.4)
X_test_noisy = noise.corrupt(X_test, random_state=1)

settings = {"hidden_layer_sizes": (256,), "latent_dim": 256, "max_epochs": 50, "random_state": 0}
models = {}

# %%
# One: give the noise to the autoencoder
# --------------------------------------
# ``fit`` gets the clean data. The noise is drawn anew for every batch, on the device that trains.

models["noise="] = DenseDAE(noise=noise, **settings).fit(X_train)

# %%
# Two: make the noise a step of a pipeline
# ----------------------------------------
# The step corrupts while the pipeline is fitted, and passes data through afterwards: ``predict`` of
# the pipeline takes noisy data and adds nothing. The autoencoder behind the step finds out what the
# data were before, takes that as its target, and draws the noise anew for every batch: the same
# training as above. It pays off when there are other steps, and in a search.

from sklearn.pipeline import Pipeline

models["pipeline step"] = Pipeline([("noise", noise), ("dae", DenseDAE(**settings))]).fit(X_train)

# %%
# Three: pass the pairs
# ---------------------
# If you have noisy and clean recordings of the same things, no noise is made up. X is what the
# model gets and ``y`` what it should have been, both of the same shape. To compare, let us
# pretend that a camera has given us one noisy copy of each training image.

X_train_noisy = noise.corrupt(X_train, random_state=0)
models["pairs (X, y)"] = DenseDAE(**settings).fit(X_train_noisy, X_train)

# %%
# There is only one noisy copy of each image, and it is the same in every epoch. Given time, the
# network learns it by heart. Real pairs are therefore to be trained for fewer epochs, or with
# ``early_stopping=True``; where the noise can be modelled, the first two ways need no such care.

models["pairs, stopped early"] = DenseDAE(early_stopping=True, **settings).fit(
    X_train_noisy, X_train
)

# %%
# And if even the clean half is missing? A second, independent noisy copy will do as the target,
# since nobody can predict its noise: the best answer to it is the clean image [1]_.

X_train_noisy_too = noise.corrupt(X_train, random_state=2)
models["two noisy copies"] = DenseDAE(early_stopping=True, **settings).fit(
    X_train_noisy, X_train_noisy_too
)

# %%
# What does not work
# ------------------
# An autoencoder that gets noisy data and nothing else learns to give back noisy data. skdae warns
# of that whenever it has nothing to remove; ``noise=None`` says that it is meant.

models["noisy data only"] = DenseDAE(noise=None, **settings).fit(X_train_noisy)

# %%
# The scores
# ----------
# Squared errors on held-out digits. Without any denoising it is 0.16, the square of 0.4.

import numpy as np

errors = {
    name: float(np.square(model.predict(X_test_noisy) - X_test).mean())
    for name, model in models.items()
}
for name, error in errors.items():
    print(f"{name:22} {error:.4f}")

# %%
# The first two are equal to the last digit: they are the same training.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
colors = ["tab:red" if name == "noisy data only" else "tab:blue" for name in errors]
bars = ax.barh(list(errors), list(errors.values()), color=colors)
ax.bar_label(bars, fmt="%.4f", padding=3)
ax.invert_yaxis()
ax.spines[["top", "right"]].set_visible(False)
ax.set(xlabel="mean squared error on held-out digits", xlim=(0, 1.15 * max(errors.values())))
plt.show()

# %%
# .. [1] J. Lehtinen et al., "Noise2Noise: learning image restoration without clean data", ICML,
#    2018.
