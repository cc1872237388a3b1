"""
A table with wrong cells
========================

Measurements are mixed up, typed into the wrong row, or missing. If columns depend on each other,
an autoencoder can find that: trained to repair swapped cells, it puts in values that fit the rest
of the row, and its error shows which rows to check.
"""

# %%
# The table
# ---------
# 569 tumours, 30 measured columns on scales from 0.001 to 1,000. A twentieth of the cells is
# missing.

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

table = load_breast_cancer(as_frame=True).data
rng = np.random.default_rng(0)
table = table.mask(rng.random(table.shape) < 0.05)
train, rest = train_test_split(table, test_size=0.5, random_state=0)
aside, test = train_test_split(rest, test_size=0.5, random_state=0)
table.describe().loc[["count", "min", "max"]].T.head()

# %%
# The pipeline
# ------------
# Imputer and scaler come first, the noise directly before the autoencoder.
# :class:`~skdae.SwapNoise` puts values of other rows into a cell, which is the kind of mistake in
# this table. Columns of categories would go through a ``ColumnTransformer`` with a
# ``OneHotEncoder(sparse_output=False)`` in place of the scaler.

from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdae import DenseDAE, SwapNoise

pipe = make_pipeline(
    SimpleImputer(strategy="median"),
    StandardScaler(),
    SwapNoise(0.15),
    DenseDAE((256,), latent_dim=16, max_epochs=150, random_state=0),
).fit(train)

# %%
# How good is it?
# ---------------
# Fifteen of a hundred cells of the test part are swapped, and all results are compared in the
# scaled units of the autoencoder. :func:`~skdae.make_denoising_scorer` does both for the
# pipeline. A PCA with as many components is the comparison.

import pandas as pd
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from skdae import make_denoising_scorer

scorer = make_denoising_scorer(SwapNoise(0.15), "r2")
train_scaled, aside_scaled, test_scaled = map(
    pipe[:2].transform, (train, aside, test)
)
swapped = SwapNoise(0.15).corrupt(test_scaled, random_state=0)
pca = PCA(16, random_state=0).fit(train_scaled)
by_pca = pca.inverse_transform(pca.transform(swapped))
pd.Series(
    {
        "left as it is": r2_score(test_scaled.ravel(), swapped.ravel()),
        "PCA": r2_score(test_scaled.ravel(), by_pca.ravel()),
        "DenseDAE": scorer(pipe, test),
    },
    name="R² of the test part",
).round(2).to_frame()

# %%
# Which rows are wrong?
# ---------------------
# ``score_samples`` is the negative squared error with which a row is reproduced. Check the rows
# whose score is below the lowest twentieth of the scores of rows that were *held out* for this;
# training rows are reproduced better than new ones. In half of the test rows, a fifth of the
# cells is swapped:

import matplotlib.pyplot as plt
from sklearn.metrics import roc_auc_score

half = len(test) // 2
rows = test_scaled.copy()
rows[:half] = SwapNoise(0.2).corrupt(rows[:half], random_state=1)
is_wrong = np.arange(len(rows)) < half
dae = pipe[-1]
limit = np.quantile(dae.score_samples(aside_scaled), 0.05)
scores = dae.score_samples(rows)
found = (scores[is_wrong] < limit).mean()
alarms = (scores[~is_wrong] < limit).mean()

fig, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
bins = np.geomspace(-scores.max(), -scores.min(), 30)
errors = [-scores[~is_wrong], -scores[is_wrong]]
axes.hist(errors, bins, stacked=True, label=["right", "wrong"])
axes.axvline(-limit, color="black", linestyle="--", label="limit")
axes.set(xscale="log", xlabel="squared error of the row", ylabel="rows")
axes.legend()
axes.set_title(
    f"{found:.0%} of the wrong rows found, "
    f"{alarms:.0%} of the right ones suspected, "
    f"AUC {roc_auc_score(is_wrong, -scores):.2f}",
    fontsize=10,
)
plt.show()
