"""
Missing values, and how sure their guesses are
==============================================

Half of the cells of a table are missing. :class:`~skdae.DAEImputer` fills them in, beside the
imputers of scikit-learn, and draws tables that show what remains open.
"""

# %%
# Breast cancer, half of it
# -------------------------
# 569 tumors with 30 measurements each: radius, area, texture, and their spreads and extremes.
# They are complete, so that every guess can be checked.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from skdae import DAEImputer

data = load_breast_cancer()
X = StandardScaler().fit_transform(data.data)
missing = np.random.default_rng(0).random(X.shape) < 0.5
X_missing = np.where(missing, np.nan, X)

# %%
# Four imputers
# -------------
# The error is that of the missing cells, in standard deviations of their columns: 1 is the mean
# of the column, which needs no other cell.

imputers = {
    "mean": SimpleImputer(),
    "nearest neighbours": KNNImputer(),
    "regressions in turn": IterativeImputer(tol=0.02, random_state=0),
    "DAEImputer": DAEImputer(random_state=0),
}
filled = {
    name: imputer.fit_transform(X_missing) for name, imputer in imputers.items()
}
errors = {
    name: np.sqrt(np.square(table - X)[missing].mean())
    for name, table in filled.items()
}
for name, error in errors.items():
    print(f"{name:20} {error:.2f}")

fig, ax = plt.subplots(figsize=(6, 2.5), layout="constrained")
ax.barh(list(errors), list(errors.values()), color=["C7", "C7", "C7", "C0"])
ax.invert_yaxis()
ax.set_xlabel("error of missing cells (standard deviations)")
plt.show()

# %%
# What remains open
# -----------------
# ``sample`` draws tables whose missing cells are as they may have been. About 90 % of the true
# values lie between the 5 % quantile of the draws and that of 95 %.

imputer = imputers["DAEImputer"]
draws = np.array(imputer.sample(X_missing, 100, random_state=0))
low, high = np.quantile(draws, [0.05, 0.95], axis=0)
within = ((low <= X) & (X <= high))[missing]
print(f"{within.mean():.0%} of the missing values lie within their intervals")

# %%
# The area follows from the radius where that is known, and the interval is narrow; the texture
# has to be guessed from what is no more than related.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for ax, name in zip(axes, ("mean area", "mean texture"), strict=True):
    column = data.feature_names.tolist().index(name)
    rows = np.flatnonzero(missing[:, column])[:40]
    rows = rows[np.argsort(X[rows, column])]
    middle = filled["DAEImputer"][rows, column]
    bounds = low[rows, column], high[rows, column]
    style = {"color": "C0", "alpha": 0.4, "linewidth": 4}
    ax.vlines(np.arange(len(rows)), *bounds, label="90 %", **style)
    ax.plot(middle, "o", color="C0", markersize=4, label="guess")
    ax.plot(X[rows, column], "x", color="C3", markersize=5, label="truth")
    ax.set(title=name, xlabel="tumors, by the truth")
    ax.set_ylabel("standard deviations")
axes[0].legend()
plt.show()

# %%
# Means vary too little
# ---------------------
# The mean is the best guess of a single cell. A whole column of means varies less than the true
# values do, and tests that follow find too much. Draws vary as the truth does.

column = data.feature_names.tolist().index("mean texture")
cells = missing[:, column]
tables = {
    "truth": [X],
    "means of transform": [filled["DAEImputer"]],
    "draws of sample": draws,
}
for name, group in tables.items():
    spread = np.mean([table[cells, column].std() for table in group])
    print(f"{name:20} standard deviation of missing textures: {spread:.2f}")
