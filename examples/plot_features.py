"""
Is the encoder a good feature extractor?
========================================

To remove noise, a network must learn what the data look like, and its code summarizes a sample.
``transform`` returns the code, so you can put a denoising autoencoder before a classifier, as you
can a PCA. Does that help when only a few samples have labels?
"""

# %%
# The task
# --------
# 1,347 training digits, of which only 50 have labels, and held-out digits: clean ones, and ones
# with noise of sigma 0.4.

from sklearn.model_selection import train_test_split

from skdae import GaussianNoise
from skdae.datasets import load_digits

X, labels = load_digits()
X = X.reshape(len(X), -1)
X_train, X_test, labels_train, labels_test = train_test_split(
    X, labels, random_state=0
)

noise = GaussianNoise(sigma=0.4)
X_test_noisy = noise.corrupt(X_test, random_state=0)

# %%
# Frozen: learn from all samples, with few labels
# -----------------------------------------------
# The autoencoder needs no labels, so it learns from all training digits. ``FrozenEstimator`` then
# keeps it as it is: fitting the pipeline on the labelled digits fits the classifier only.

from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdae import DenseDAE

dae = DenseDAE((256,), latent_dim=64, noise=noise, random_state=0)
dae.fit(X_train)
frozen = make_pipeline(
    FrozenEstimator(dae), StandardScaler(), LogisticRegression(max_iter=1000)
)

# %%
# All hidden layers instead of the code alone: the same net, asked for more.

from copy import deepcopy

all_layers = make_pipeline(
    FrozenEstimator(deepcopy(dae).set_params(features="all_layers")),
    StandardScaler(),
    LogisticRegression(max_iter=1000),
)

# %%
# Refitted: one pipeline, one ``fit``
# -----------------------------------
# Without freezing, the autoencoder is a step like any other: it is trained anew in every ``fit``,
# and so in every fold of a cross-validation. It learns only from the samples that have labels.
# The classifier gets the labels; the autoencoder ignores them.

refitted = make_pipeline(
    DenseDAE((256,), latent_dim=64, noise=noise, random_state=0),
    StandardScaler(),
    LogisticRegression(max_iter=1000),
)

# %%
# For comparison: the pixels themselves, and a PCA that was also fitted on all training digits.

from sklearn.decomposition import PCA

pca = PCA(n_components=30).fit(X_train)
pipelines = {
    "pixels": make_pipeline(LogisticRegression(max_iter=1000)),
    "PCA, frozen": make_pipeline(
        FrozenEstimator(pca), LogisticRegression(max_iter=1000)
    ),
    "DenseDAE, refitted": refitted,
    "DenseDAE, frozen": frozen,
    "all its layers": all_layers,
}

# %%
# Which helps?
# ------------
# Five draws of 50 labelled digits; the mean accuracy on all held-out digits.

import numpy as np

accuracies = {name: [] for name in pipelines}
for seed in range(5):
    few, _ = train_test_split(
        np.arange(len(X_train)),
        train_size=50,
        stratify=labels_train,
        random_state=seed,
    )
    for name, pipeline in pipelines.items():
        pipeline.fit(X_train[few], labels_train[few])
        accuracies[name].append(
            [
                pipeline.score(X_test, labels_test),
                pipeline.score(X_test_noisy, labels_test),
            ]
        )
means = {name: np.mean(values, axis=0) for name, values in accuracies.items()}

print(f"{'':22}{'clean':>6}{'noisy':>8}")
for name, (clean, noisy) in means.items():
    print(f"{name:22}{clean:6.3f}{noisy:8.3f}")

# %%
# The frozen autoencoder helps on clean digits and more on noisy ones. The refitted one, which was
# trained on 50 digits only, is no better than the pixels on clean digits: an autoencoder pays off
# where there are many samples to learn from, with or without labels. All hidden layers are a little
# better than the code alone.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
positions = np.arange(len(means))
for column, label in enumerate(("clean digits", "noisy digits")):
    heights = [mean[column] for mean in means.values()]
    places = positions - 0.2 + 0.4 * column
    bars = ax.bar(places, heights, 0.4, label=label)
    ax.bar_label(bars, fmt="%.2f", padding=2)
ax.set_xticks(positions, [name.replace(", ", ",\n") for name in means])
ax.set(ylabel="accuracy with 50 labels", ylim=(0, 1.1))
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, ncols=2, loc="upper left")
plt.show()
