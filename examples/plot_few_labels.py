"""
Few labels, many rows
=====================

Labels cost more than rows. Here 50 of 1,347 digits have one, and the others have a ``y`` of -1.
Does it help to learn from all digits?
"""

# %%
# The task
# --------
# Five labels of each digit, and held-out digits to judge by.

import numpy as np
from sklearn.model_selection import train_test_split

from skdae.datasets import load_digits

X, labels = load_digits()
X = X.reshape(len(X), -1)
X_train, X_test, labels_train, labels_test = train_test_split(
    X, labels, random_state=0
)

known, _ = train_test_split(
    np.arange(len(X_train)),
    train_size=50,
    stratify=labels_train,
    random_state=0,
)
y = np.full(len(X_train), -1)
y[known] = labels_train[known]

# %%
# Labels alone
# ------------
# These classifiers cannot use the digits without labels.

from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

accuracies = {
    "LogisticRegression": LogisticRegression(max_iter=1000),
    "SVC": SVC(C=10),
}
for name, classifier in accuracies.items():
    classifier.fit(X_train[known], labels_train[known])
    accuracies[name] = classifier.score(X_test, labels_test)

# %%
# All digits
# ----------
# ``DAEClassifier`` trains a denoising autoencoder on all digits, and then its encoder on the
# labels. With ``threshold=None`` that is all. By default it also guesses the labels of the other
# digits, and learns the guesses that it is sure of.

from skdae import DAEClassifier

thresholds = {"DAEClassifier,\nno guesses": None, "DAEClassifier": 0.9}
for name, threshold in thresholds.items():
    classifier = DAEClassifier(threshold=threshold, random_state=0)
    classifier.fit(X_train, y)
    accuracies[name] = classifier.score(X_test, labels_test)

# %%
# From a trained autoencoder
# --------------------------
# An autoencoder in a ``FrozenEstimator`` is not trained again; it may have seen other digits.

from sklearn.frozen import FrozenEstimator

from skdae import DenseDAE, GaussianNoise

dae = DenseDAE(
    (256,), latent_dim=256, noise=GaussianNoise(sigma=0.3), random_state=0
)
dae.fit(X_train)
tuned = DAEClassifier(FrozenEstimator(dae), random_state=0).fit(X_train, y)
print(f"from a trained autoencoder: {tuned.score(X_test, labels_test):.3f}")

# %%
# The accuracies on the held-out digits.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
bars = ax.bar(list(accuracies), list(accuracies.values()), 0.6)
ax.bar_label(bars, fmt="%.3f", padding=2)
ax.set(ylabel="accuracy with 50 labels", ylim=(0, 1.1))
ax.spines[["top", "right"]].set_visible(False)
plt.show()
