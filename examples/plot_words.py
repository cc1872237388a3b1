"""
Few labels and many texts
=========================

A text of fifteen words says little to a classifier that has seen fifty texts: many of its words
were in none of these. But texts without labels tell which words go together.
:class:`~skdae.MarginalizedDAE` learns to guess hidden words from the others, in closed form: its
features say which words are to be expected in a text, whether they are there or not.
"""

# %%
# The texts
# ---------
# Docstrings of SciPy and scikit-learn are real texts that are already here. The first 300
# characters of each are to tell which package it is from.

import inspect
from importlib import import_module

import numpy as np

PACKAGES = [
    *("scipy.stats", "scipy.signal", "scipy.linalg", "scipy.sparse"),
    *("scipy.optimize", "scipy.special", "scipy.ndimage"),
    *("scipy.interpolate", "scipy.fft"),
    *("sklearn.linear_model", "sklearn.metrics", "sklearn.datasets"),
]
texts, labels = [], []
for package in PACKAGES:
    module = import_module(package)
    for name in sorted(module.__all__):
        text = inspect.getdoc(getattr(module, name)) or ""
        if callable(getattr(module, name)) and len(text) > 200:
            texts.append(" ".join(text.split())[:300])
            labels.append(package)
labels = np.array(labels)
print(f"{len(texts)} texts. One of {labels[0]}:\n{texts[0][:160]}...")

# %%
# Features from all texts
# -----------------------
# Sixty of a hundred texts are for training, and fifty of these have labels. The features need no
# labels, so they learn from all training texts; ``FrozenEstimator`` keeps them for the pipelines.

from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdae import MarginalizedDAE

train, test = train_test_split(
    np.arange(len(texts)), test_size=0.4, stratify=labels, random_state=0
)
words = CountVectorizer(
    binary=True,
    max_features=1000,
    stop_words="english",
    token_pattern=r"[A-Za-z]{3,}",
)
X = words.fit_transform([texts[i] for i in train])
features = {
    "words": "passthrough",
    "SVD": FrozenEstimator(TruncatedSVD(100, random_state=0).fit(X)),
    "one layer": FrozenEstimator(MarginalizedDAE().fit(X)),
    "three layers": FrozenEstimator(MarginalizedDAE(n_layers=3).fit(X)),
}

# %%
# Which words does a text suggest?
# --------------------------------
# Each hidden value belongs to a word. A text suggests the words whose values it raises most,
# compared with a text without words.

dae = features["one layer"].estimator
names = words.get_feature_names_out()
queries = "low-pass filter", "confidence interval", "eigenvalues of a matrix"
for query in queries:
    with_query, without = dae.transform(words.transform([query, ""]))
    raised = np.argsort(without - with_query)
    new = [word for word in names[raised] if word not in query]
    print(f"{query}: {', '.join(new[:5])}")

# %%
# Accuracy
# --------
# Ten draws of the labelled texts, and the mean accuracy on all texts of the test part.

texts = np.array(texts)
numbers = (50, 100, 200, 400)
accuracies = {name: [] for name in features}
for n_labels in numbers:
    draws = [
        train_test_split(
            train,
            train_size=n_labels,
            stratify=labels[train],
            random_state=seed,
        )[0]
        for seed in range(10)
    ]
    for name, step in features.items():
        pipe = make_pipeline(
            FrozenEstimator(words), step, LogisticRegression(max_iter=1000)
        )
        scores = [
            pipe.fit(texts[few], labels[few]).score(texts[test], labels[test])
            for few in draws
        ]
        accuracies[name].append(np.mean(scores))

print(f"{'labels':14}" + "".join(f"{n:7}" for n in numbers))
for name, means in accuracies.items():
    print(f"{name:14}" + "".join(f"{mean:7.3f}" for mean in means))

# %%
# With fifty labels, the hidden values gain more than what another fifty labels would. The more
# labels there are, the less is gained, and one layer is enough.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, means in accuracies.items():
    axes.plot(numbers, means, marker="o", label=name)
axes.set(xscale="log", xlabel="texts with labels", ylabel="accuracy")
axes.set_xticks(numbers, numbers)
axes.minorticks_off()
axes.legend()
axes.spines[["top", "right"]].set_visible(False)
plt.show()
