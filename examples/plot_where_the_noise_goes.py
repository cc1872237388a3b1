"""
Where does the noise go?
========================

A denoising autoencoder learns from pairs: noisy data in, clean data out. There are three ways to
provide them, and one that looks right and is wrong. This page compares all of them on the same
digits, with the same network, for the same number of epochs.
"""

# %%
# The task: digits with values from 0 to 1, Gaussian noise of sigma 0.4, and held-out digits, with
# noise from another seed, to test on.

from sklearn.model_selection import train_test_split

from skdae import DenseDAE, GaussianNoise
from skdae.datasets import load_digits

X, _ = load_digits()
X_train, X_test = train_test_split(X, random_state=0)

noise = GaussianNoise(sigma=0.4)
X_test_noisy = noise.corrupt(X_test, random_state=1)

settings = {
    "hidden_layer_sizes": (256,),
    "latent_dim": 256,
    "max_epochs": 50,
    "random_state": 0,
}
models = {}

# %%
# One: give the noise to the autoencoder
# --------------------------------------
# ``fit`` gets the clean data. The noise is drawn anew for every batch, on the device that trains.

models["noise="] = DenseDAE(noise=noise, **settings).fit(X_train)

# %%
# Two: make the noise a step of a pipeline
# ----------------------------------------
# The step corrupts while the pipeline is fitted, and passes data through afterwards: ``predict``
# of the pipeline takes noisy data and adds no noise. The autoencoder after the step gets the
# clean data from it as its target, and draws new noise for every batch: the same training as
# above. Use it if there are other steps, and in a search.

from sklearn.pipeline import Pipeline

models["pipeline step"] = Pipeline(
    [("noise", noise), ("dae", DenseDAE(**settings))]
).fit(X_train)

# %%
# Three: pass the pairs
# ---------------------
# If you have noisy and clean recordings of the same things, pass them: X is the noisy array and
# ``y`` the clean one, both of the same shape. Here we pretend that a camera has recorded one noisy
# copy of each training image.

X_train_noisy = noise.corrupt(X_train, random_state=0)
models["pairs (X, y)"] = DenseDAE(**settings).fit(X_train_noisy, X_train)

# %%
# There is only one noisy copy of each image, and it is the same in every epoch. In a long training
# the network learns it by heart, so train on real pairs for fewer epochs, or with
# ``early_stopping=True``. If you can model the noise, the first two ways do not have this problem.

models["pairs, stopped early"] = DenseDAE(early_stopping=True, **settings).fit(
    X_train_noisy, X_train
)

# %%
# If there are no clean images, take a second, independent noisy copy as the target. Its noise
# cannot be predicted, so the best prediction of it is the clean image [1]_.

X_train_noisy_too = noise.corrupt(X_train, random_state=2)
models["two noisy copies"] = DenseDAE(early_stopping=True, **settings).fit(
    X_train_noisy, X_train_noisy_too
)

# %%
# What does not work
# ------------------
# An autoencoder that gets only noisy data learns to return noisy data. skdae warns if there is
# neither noise nor a clean target; with ``noise=None`` it does not.

models["noisy data only"] = DenseDAE(noise=None, **settings).fit(X_train_noisy)

# %%
# The scores
# ----------
# Squared errors on held-out digits. Without any denoising, the error is 0.16, the square of 0.4.

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
colors = [
    "tab:red" if name == "noisy data only" else "tab:blue" for name in errors
]
bars = ax.barh(list(errors), list(errors.values()), color=colors)
ax.bar_label(bars, fmt="%.4f", padding=3)
ax.invert_yaxis()
ax.spines[["top", "right"]].set_visible(False)
ax.set(
    xlabel="mean squared error on held-out digits",
    xlim=(0, 1.15 * max(errors.values())),
)
plt.show()

# %%
# .. [1] J. Lehtinen et al., "Noise2Noise: learning image restoration without clean data", ICML,
#    2018.
