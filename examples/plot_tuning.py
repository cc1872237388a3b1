"""
Which latent size and which noise level?
========================================

You choose two settings of a denoising autoencoder: the size of the code, and the level of the
noise that it is trained on. A grid search finds both, if it scores denoising. This page shows
how, and what a search with the default score would have chosen.
"""

# %%
# The task
# --------
# The data that are to be denoised later have noise of sigma 0.4.

from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from skdae import DenseDAE, GaussianNoise
from skdae.datasets import load_digits

X, _ = load_digits()
X_train, X_test = train_test_split(X, random_state=0)

dae = DenseDAE(max_epochs=10, random_state=0)
pipe = Pipeline([("noise", GaussianNoise()), ("dae", dae)])
grid = {"noise__sigma": [0.05, 0.2, 0.4, 0.8], "dae__latent_dim": [8, 32, 128]}

# %%
# Score denoising
# ---------------
# Without a ``scoring``, a search calls the ``score`` of the pipeline on the validation part as it
# is, without noise. That measures how well clean data are *reproduced*, which a candidate that was
# trained with little noise does best.
#
# :func:`~skdae.make_denoising_scorer` measures *denoising*: it adds the same noise to the
# validation part for every candidate, whatever noise that was trained on. To compare both, we
# compute both scores in one search; you need no dictionary otherwise.

from sklearn.model_selection import GridSearchCV

from skdae import make_denoising_scorer


def default_score(estimator, X, y=None):
    return estimator.score(X)


search = GridSearchCV(
    pipe,
    grid,
    scoring={
        "denoising": make_denoising_scorer(GaussianNoise(0.4), metric="psnr"),
        "default": default_score,
    },
    refit="denoising",
    cv=3,
)
search.fit(X_train)
search.best_params_

# %%
# What the default would have chosen
# ----------------------------------

results = search.cv_results_
default_choice = results["params"][results["mean_test_default"].argmax()]
default_choice

# %%
# The lowest level in the grid, as always. How much does that cost on held-out digits?

scorer = make_denoising_scorer(
    GaussianNoise(0.4), metric="psnr", random_state=1
)
wrong = pipe.set_params(**default_choice).fit(X_train)
print(f"chosen by the denoising score  {scorer(search, X_test):5.2f} dB")
print(f"chosen by the default score    {scorer(wrong, X_test):5.2f} dB")

# %%
# The two scores side by side
# ---------------------------
# One line for each latent size. By the default score, more noise is worse, and a larger code is
# better. The denoising score is best near the true noise level.

import matplotlib.pyplot as plt
import numpy as np

sigmas = np.array(grid["noise__sigma"])
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for ax, name, label in (
    (axes[0], "denoising", "PSNR of denoising (dB)"),
    (axes[1], "default", "default score: R² of reproducing"),
):
    for latent_dim in grid["dae__latent_dim"]:
        chosen = np.array(results["param_dae__latent_dim"] == latent_dim)
        scores = results[f"mean_test_{name}"][chosen]
        ax.plot(sigmas, scores, marker="o", label=f"latent_dim={latent_dim}")
    ax.axvline(0.4, color="gray", linestyle=":", zorder=0)
    ax.set(xlabel="sigma of training", ylabel=label, xscale="log")
    ax.set_xticks(sigmas, [str(sigma) for sigma in sigmas])
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False)
plt.show()

# %%
# In your own search
# ------------------
# Give the scorer the noise that you expect::
#
#     GridSearchCV(pipe, grid, scoring=make_denoising_scorer(GaussianNoise(0.4)))
