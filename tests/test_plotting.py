"""The displays: scikit-learn's contract, and what they draw."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import median_filter
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from skdae import (
    ChainNoise,
    DenoisingDisplay,
    DenseDAE,
    GaussianNoise,
    LossCurveDisplay,
    SwapNoise,
    UNetDAE,
    make_denoising_scorer,
    psnr,
)
from skdae.datasets import load_digits

pytestmark = pytest.mark.usefixtures("pyplot")


class Median(BaseEstimator):
    """A median filter over the axes of a sample, and what it has seen."""

    def __init__(self, sample_shape=None):
        if sample_shape is not None:
            self.sample_shape_ = sample_shape

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        self.seen_ = np.array(X)
        return median_filter(self.seen_, size=(1, *[3] * (self.seen_.ndim - 1)))


@pytest.fixture(scope="module")
def digits():
    return load_digits()[0]


@pytest.fixture(scope="module")
def signals():
    t = np.linspace(0, 1, 200)
    return np.stack([np.sin(2 * np.pi * f * t) for f in range(1, 11)])


def label_of(ax):
    return ax.get_xlabel()


def shown(ax):
    """Return the values of the image in an Axes."""
    (image,) = ax.get_images()
    return np.asarray(image.get_array())


# ---------------------------------------------------------------------------- the contract
def test_from_estimator_corrupts_denoises_and_draws(digits):
    median = Median()
    display = DenoisingDisplay.from_estimator(median, digits, noise=GaussianNoise(0.3))
    assert isinstance(display, DenoisingDisplay)
    assert display.axes_.shape == (3, 8)
    assert all(ax.figure is display.figure_ for ax in display.axes_.flat)
    np.testing.assert_array_equal(display.clean, digits[:8])
    np.testing.assert_array_equal(display.noisy, median.seen_)
    np.testing.assert_array_equal(display.denoised, median.predict(display.noisy))
    assert np.std(display.noisy - display.clean) == pytest.approx(0.3, rel=0.15)


def test_from_predictions_draws_the_same(digits):
    first = DenoisingDisplay.from_estimator(Median(), digits, noise=GaussianNoise(0.3))
    arrays = first.clean, first.noisy, first.denoised
    again = DenoisingDisplay.from_predictions(*arrays)
    for ax, other in zip(first.axes_.flat, again.axes_.flat, strict=True):
        assert label_of(ax) == label_of(other)
        np.testing.assert_array_equal(shown(ax), shown(other))


def test_plot_returns_the_display_and_draws_again(digits, pyplot):
    display = DenoisingDisplay(digits[:3], digits[:3], digits[:3])
    assert not hasattr(display, "axes_")
    assert not pyplot.get_fignums()
    assert display.plot() is display
    first = display.figure_
    assert display.plot().figure_ is not first


def test_a_subclass_is_what_comes_back(digits):
    class Mine(DenoisingDisplay):
        pass

    assert type(Mine.from_predictions(digits, digits, digits)) is Mine
    assert type(Mine.from_estimator(Median(), digits, noise=GaussianNoise())) is Mine


def test_what_is_drawn_survives_being_drawn(digits):
    display = DenoisingDisplay.from_estimator(Median(), digits, noise=GaussianNoise(0.3))
    display.figure_.canvas.draw()


@pytest.mark.parametrize("shape", [(3, 4), (12,), (2, 6)])
def test_given_axes_are_used(digits, pyplot, shape):
    figure, axes = pyplot.subplots(3, 4)
    if shape == (3, 4):
        display = DenoisingDisplay.from_predictions(*[digits] * 3, n_samples=4, axes=axes)
        assert display.figure_ is figure
        assert (display.axes_ == axes).all()
        assert len(pyplot.get_fignums()) == 1
    else:
        with pytest.raises(ValueError, match=r"'axes' parameter .* shape \(3, 4\).* Got \("):
            DenoisingDisplay.from_predictions(*[digits] * 3, n_samples=4, axes=axes.reshape(shape))


def test_one_sample_in_a_column_of_axes(digits, pyplot):
    _, axes = pyplot.subplots(3)
    display = DenoisingDisplay.from_predictions(*[digits] * 3, n_samples=1, axes=axes)
    assert display.axes_.shape == (3, 1)


# ---------------------------------------------------------------------------- what is compared
def test_psnr_stands_under_noisy_and_denoised(digits):
    display = DenoisingDisplay.from_estimator(Median(), digits, noise=GaussianNoise(0.3))
    assert [label_of(ax) for ax in display.axes_[0]] == [""] * 8
    for row, values in ((1, display.noisy), (2, display.denoised)):
        expected = psnr(display.clean, values, per_sample=True)
        assert [label_of(ax) for ax in display.axes_[row]] == [f"{v:.1f} dB" for v in expected]


def test_psnr_by_hand_and_with_a_data_range():
    clean = np.zeros((2, 8, 8))
    clean[:, 0, 0] = 1
    display = DenoisingDisplay.from_predictions(clean, clean + 0.1, clean)
    assert label_of(display.axes_[1, 0]) == "20.0 dB"
    assert label_of(display.axes_[2, 1]) == "∞ dB"
    display = DenoisingDisplay.from_predictions(clean, clean + 0.1, clean, data_range=10)
    assert label_of(display.axes_[1, 0]) == "40.0 dB"


def test_rows_are_named(digits):
    display = DenoisingDisplay.from_predictions(*[digits] * 3)
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == ["clean", "noisy", "denoised"]
    assert not any(ax.get_ylabel() for ax in display.axes_[:, 1:].flat)


def test_the_noise_is_that_of_the_scorer(digits):
    noise, seen = GaussianNoise(0.3), []
    make_denoising_scorer(noise, lambda clean, noisy: seen.append(noisy) or 0, random_state=5)(
        Pipeline([("last", Identity())]).fit(digits), digits
    )
    display = DenoisingDisplay.from_estimator(Median(), digits, noise=noise, random_state=5)
    np.testing.assert_array_equal(display.noisy, seen[0][:8])
    other = DenoisingDisplay.from_estimator(Median(), digits, noise=noise, random_state=6)
    assert (other.noisy != display.noisy).mean() > 0.9


class Identity(Median):
    """Gives back what it gets."""

    def predict(self, X):
        return X


@pytest.mark.parametrize("n_samples", [1, 3, 10_000])
def test_n_samples_are_the_first(digits, n_samples):
    X = digits[:20]
    display = DenoisingDisplay.from_estimator(
        Median(), X, noise=GaussianNoise(0.3), n_samples=n_samples
    )
    assert display.axes_.shape == (3, min(n_samples, 20))
    np.testing.assert_array_equal(display.clean, X[:n_samples])


@pytest.mark.parametrize("noise", [SwapNoise(0.5), ChainNoise([("swap", SwapNoise(0.5))])])
def test_noise_that_mixes_rows_takes_donors_from_all_of_them(noise):
    X = np.arange(1000.0).repeat(10).reshape(1000, 10)
    display = DenoisingDisplay.from_estimator(Median(), X, noise=noise, n_samples=3)
    np.testing.assert_array_equal(display.noisy, noise.corrupt(X, random_state=0)[:3])
    assert display.noisy.max() > 500


def test_pairs_are_shown_as_they_are(digits):
    X_noisy = GaussianNoise(0.3).corrupt(digits, random_state=0)
    display = DenoisingDisplay.from_estimator(Median(), X_noisy, digits, n_samples=4)
    np.testing.assert_array_equal(display.noisy, X_noisy[:4])
    np.testing.assert_array_equal(display.clean, digits[:4])


def test_labels_are_ignored_where_there_is_a_noise(digits):
    display = DenoisingDisplay.from_estimator(
        Median(), digits, np.arange(len(digits)), noise=GaussianNoise(0.3)
    )
    np.testing.assert_array_equal(display.clean, digits[:8])


@pytest.mark.parametrize("y", [None, np.zeros(1797)])
def test_without_noise_pairs_are_needed(digits, y):
    with pytest.raises(ValueError, match="DenoisingDisplay.from_estimator without noise needs"):
        DenoisingDisplay.from_estimator(Median(), digits, y)


@pytest.mark.parametrize("convert", [np.ndarray.tolist, pd.DataFrame])
def test_array_likes(digits, convert):
    rows = digits.reshape(-1, 64)[:9].astype(float)
    display = DenoisingDisplay.from_estimator(Median(), convert(rows), noise=GaussianNoise(0.3))
    np.testing.assert_array_equal(display.clean, rows[:8])
    again = DenoisingDisplay.from_predictions(*[convert(rows)] * 3)
    assert again.axes_.shape == (3, 8)


def test_other_shapes_are_an_error_that_names_all_three(digits):
    message = r"arrays of one shape. Got clean \(8, 8, 8\), noisy \(8, 64\), denoised \(3, 8, 8\)"
    with pytest.raises(ValueError, match=message):
        DenoisingDisplay.from_predictions(digits, digits.reshape(-1, 64), digits[:3])


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_samples", 0), ("n_samples", 2.5), ("noise", "gaussian"), ("random_state", None)],
)
def test_wrong_parameters(digits, name, value):
    message = f"'{name}' parameter of DenoisingDisplay.from_estimator must be .* Got {value!r}"
    parameters = {"noise": GaussianNoise(), name: value}
    with pytest.raises(ValueError, match=message):
        DenoisingDisplay.from_estimator(Median(), digits, **parameters)
    if name == "n_samples":
        with pytest.raises(ValueError, match="'n_samples' parameter of .*from_predictions"):
            DenoisingDisplay.from_predictions(digits, digits, digits, n_samples=value)


# ---------------------------------------------------------------------------- images
def test_gray_images_share_the_levels_of_the_clean_one(digits):
    display = DenoisingDisplay.from_estimator(Median(), digits, noise=GaussianNoise(0.3))
    for column, clean in enumerate(display.clean):
        np.testing.assert_array_equal(shown(display.axes_[0, column]), clean)
        for ax in display.axes_[:, column]:
            assert ax.get_images()[0].get_clim() == (clean.min(), clean.max())
            assert ax.get_images()[0].get_cmap().name == "gray"
            assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0


def test_cmap_is_for_gray_images(digits):
    display = DenoisingDisplay.from_predictions(*[digits] * 3, cmap="viridis")
    assert display.axes_[2, 0].get_images()[0].get_cmap().name == "viridis"


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_colour_images_are_scaled_by_the_clean_one(channels, dtype, caplog):
    rng = np.random.default_rng(0)
    clean = rng.uniform(20, 200, (2, 6, 9, channels)).astype(dtype)
    noisy = clean + np.array(50, dtype)
    display = DenoisingDisplay.from_predictions(clean, noisy, clean, data_range=255)
    for column, image in enumerate(clean.astype(float)):
        low, high = image.min(), image.max()
        np.testing.assert_allclose(shown(display.axes_[0, column]), (image - low) / (high - low))
        expected = np.clip((image + 50 - low) / (high - low), 0, 1)
        np.testing.assert_allclose(shown(display.axes_[1, column]), expected)
    display.figure_.canvas.draw()
    assert not caplog.records  # matplotlib logs what it has to clip


@pytest.mark.parametrize("channels", [2, 5])
def test_images_of_other_channels_are_shown_as_their_mean(channels):
    images = np.random.default_rng(0).random((2, 20, 30, channels))
    display = DenoisingDisplay.from_predictions(*[images] * 3)
    np.testing.assert_allclose(shown(display.axes_[0, 1]), images[1].mean(axis=-1))


def test_a_constant_clean_image_takes_the_levels_of_its_column():
    clean = np.full((1, 4, 4), 7.0)
    noisy = clean + np.arange(16).reshape(4, 4)
    display = DenoisingDisplay.from_predictions(clean, noisy, clean)
    assert display.axes_[0, 0].get_images()[0].get_clim() == (7, 22)
    display = DenoisingDisplay.from_predictions(clean, clean, clean)
    assert display.axes_[0, 0].get_images()[0].get_clim() == (7, 8)


@pytest.mark.parametrize(("height", "width"), [(20, 20), (20, 60), (60, 20), (20, 100)])
def test_the_figure_has_the_proportions_of_the_images(height, width):
    images = np.random.default_rng(0).random((4, height, width))
    figure = DenoisingDisplay.from_predictions(*[images] * 3).figure_
    figure.canvas.draw()
    inches = figure.get_size_inches()
    # The pictures fill most of the figure, whatever their proportions are.
    pixels = sum(ax.get_window_extent().width * ax.get_window_extent().height for ax in figure.axes)
    assert pixels / figure.dpi**2 > 0.5 * inches.prod()


# ---------------------------------------------------------------------------- signals
def test_signals_are_curves_on_one_scale(signals):
    display = DenoisingDisplay.from_estimator(
        Median(), signals, noise=GaussianNoise(0.2), n_samples=4
    )
    for row, values in enumerate((display.clean, display.noisy, display.denoised)):
        for ax, signal in zip(display.axes_[row], values, strict=True):
            (line,) = ax.get_lines()
            np.testing.assert_array_equal(line.get_ydata(), signal)
            assert not ax.get_images()
    limits = {ax.get_ylim() for ax in display.axes_.flat}
    assert len(limits) == 1
    ((low, high),) = limits
    assert low < display.noisy.min() < display.noisy.max() < high


def test_each_channel_is_a_curve(signals):
    X = np.stack([signals[:5], signals[5:]], axis=-1)
    display = DenoisingDisplay.from_predictions(*[X] * 3)
    lines = display.axes_[0, 0].get_lines()
    np.testing.assert_array_equal([line.get_ydata() for line in lines], X[0].T)


def test_constant_signals_and_signals_of_one_value():
    for X in (np.ones((2, 50)), np.ones((2, 50, 1)), np.zeros((2, 1, 1))):
        DenoisingDisplay.from_predictions(X, X, X).figure_.canvas.draw()


# ---------------------------------------------------------------------------- flat rows
def is_image(display):
    return bool(display.axes_[0, 0].get_images())


def test_flat_rows_are_square_images_or_signals(digits):
    rows = digits[:2].reshape(-1, 64)
    display = DenoisingDisplay.from_predictions(*[rows] * 3)
    np.testing.assert_array_equal(shown(display.axes_[0, 0]), digits[0])
    assert not is_image(DenoisingDisplay.from_predictions(*[rows[:, :50]] * 3))


def test_sample_shape_says_what_a_row_is(digits):
    rows = digits[:2].reshape(-1, 64)
    display = DenoisingDisplay.from_predictions(*[rows] * 3, sample_shape=(4, 16))
    assert shown(display.axes_[0, 0]).shape == (4, 16)
    assert not is_image(DenoisingDisplay.from_predictions(*[rows] * 3, sample_shape=(64,)))
    with pytest.raises(ValueError, match="'sample_shape' parameter of DenoisingDisplay"):
        DenoisingDisplay.from_predictions(*[rows] * 3, sample_shape=(5, 5))


@pytest.mark.parametrize("wrap", [lambda e: e, make_pipeline, lambda e: Pipeline([("last", e)])])
def test_the_estimator_knows_what_a_row_is(digits, wrap):
    rows = digits[:2].reshape(-1, 64)
    estimator = wrap(Median(sample_shape=(4, 16, 1)).fit(rows))
    display = DenoisingDisplay.from_estimator(estimator, rows, noise=GaussianNoise())
    assert shown(display.axes_[0, 0]).shape == (4, 16)
    display = DenoisingDisplay.from_estimator(
        estimator, rows, noise=GaussianNoise(), sample_shape=(8, 8)
    )
    assert shown(display.axes_[0, 0]).shape == (8, 8)


@pytest.mark.parametrize("sample_shape", [(64,), (5, 5, 1)])
def test_a_sample_shape_that_says_nothing_about_pictures_is_left(digits, sample_shape):
    # That of a dense estimator, and that of a step which sees other data.
    rows = digits[:2].reshape(-1, 64)
    display = DenoisingDisplay.from_estimator(
        Median(sample_shape=sample_shape), rows, noise=GaussianNoise()
    )
    assert shown(display.axes_[0, 0]).shape == (8, 8)


# ---------------------------------------------------------------------------- losses
def fitted(loss="mse", **parameters):
    X = load_digits()[0].reshape(-1, 64)[:100]
    estimator = DenseDAE(noise="gaussian", loss=loss, max_epochs=4, random_state=0, **parameters)
    return estimator.fit(X)


def test_the_loss_of_an_estimator():
    estimator = fitted(early_stopping=True)
    display = LossCurveDisplay.from_estimator(estimator)
    training, validation, best = display.ax_.get_lines()
    np.testing.assert_array_equal(training.get_ydata(), estimator.loss_curve_)
    np.testing.assert_array_equal(validation.get_ydata(), estimator.validation_loss_curve_)
    np.testing.assert_array_equal(training.get_xdata(), np.arange(1, estimator.n_iter_ + 1))
    assert best.get_ydata().tolist() == [min(estimator.validation_loss_curve_)]
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_xlabel() == "epoch"


def test_the_best_epoch_counts_from_one():
    display = LossCurveDisplay([3, 2, 1, 0.5], [3, 2, 2.5, np.nan])
    assert display.plot() is display
    assert display.best_epoch_ == 2
    *_, best = display.ax_.get_lines()
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (2, 2)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["training", "validation", "best epoch: 2"]


@pytest.mark.parametrize("validation", [None, [], np.array([])])
def test_without_validation_there_is_one_curve(validation):
    display = LossCurveDisplay([3, 2, 1], validation).plot()
    (line,) = display.ax_.get_lines()
    assert line.get_ydata().tolist() == [3, 2, 1]
    assert display.best_epoch_ is None


def test_one_epoch_is_a_point():
    display = LossCurveDisplay([3.0]).plot()
    (line,) = display.ax_.get_lines()
    assert line.get_marker() == "o"
    display.figure_.canvas.draw()
    ticks = [tick for tick in display.ax_.get_xticks() if tick == int(tick)]
    assert ticks == display.ax_.get_xticks().tolist()


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        ("mse", "mean squared error"),
        ("l1", "mean absolute error"),
        ("bce", "binary cross-entropy"),
        ("huber", "Huber loss"),
    ],
)
def test_the_axis_has_the_name_of_the_loss(loss, name):
    estimator = fitted(loss)
    assert LossCurveDisplay.from_estimator(estimator).ax_.get_ylabel() == name


def test_a_loss_of_the_users_is_called_by_its_name():
    def charbonnier_loss(output, target):
        return ((output - target) ** 2 + 1e-6).sqrt().mean()

    assert LossCurveDisplay.from_estimator(fitted(charbonnier_loss)).ax_.get_ylabel() == (
        "charbonnier loss"
    )
    X = np.random.default_rng(0).normal(size=(50, 3))
    scikit = MLPRegressor(
        max_iter=3, early_stopping=False, solver="adam", tol=10, n_iter_no_change=1
    )
    display = LossCurveDisplay.from_estimator(scikit.fit(X, X[:, 0]))
    assert display.ax_.get_ylabel() == "squared error"


def test_axes_and_a_logarithmic_scale(pyplot):
    _, ax = pyplot.subplots()
    display = LossCurveDisplay.from_estimator(fitted(), ax=ax, log_scale=True)
    assert display.ax_ is ax
    assert ax.get_yscale() == "log"
    assert LossCurveDisplay([2, 1]).plot().ax_.get_yscale() == "linear"


def test_the_last_step_of_a_pipeline_and_the_best_of_a_search():
    X = load_digits()[0].reshape(-1, 64)[:60]
    pipe = Pipeline([("noise", GaussianNoise()), ("dae", DenseDAE(max_epochs=2, random_state=0))])
    display = LossCurveDisplay.from_estimator(pipe.fit(X))
    assert display.loss_curve == pipe["dae"].loss_curve_
    search = GridSearchCV(pipe, {"noise__sigma": [0.1]}, cv=2).fit(X)
    display = LossCurveDisplay.from_estimator(search)
    assert display.loss_curve == search.best_estimator_["dae"].loss_curve_


@pytest.mark.parametrize("estimator", [DenseDAE(), make_pipeline(DenseDAE())])
def test_an_estimator_that_is_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(estimator)


def test_an_estimator_without_losses():
    linear = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match=r"loss_curve_.*Got LinearRegression.*pipe\['dae'\]"):
        LossCurveDisplay.from_estimator(make_pipeline(linear))


# ---------------------------------------------------------------------------- without matplotlib
def test_without_matplotlib_the_way_to_install_it_is_shown(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"DenoisingDisplay.plot requires .*skdae\[plot\]"):
        DenoisingDisplay.from_predictions(digits, digits, digits)
    with pytest.raises(ImportError, match=r"LossCurveDisplay.plot requires .*skdae\[plot\]"):
        LossCurveDisplay([1, 2]).plot()


# ---------------------------------------------------------------------- lists
@pytest.mark.parametrize("sizes", [[(9, 12), (14, 8), (9, 12)], [(40,), (30,)], [(9, 9, 3)]])
def test_lists_of_different_sizes(sizes):
    rng = np.random.default_rng(0)
    X = [rng.random(size) for size in sizes]
    dae = UNetDAE((4, 8), noise="gaussian", max_epochs=1, random_state=0).fit(X)
    display = DenoisingDisplay.from_estimator(dae, X, noise=GaussianNoise(0.1), n_samples=2)
    assert display.axes_.shape == (3, min(2, len(X)))
    noisy = GaussianNoise(0.1).corrupt(X, random_state=0)
    display = DenoisingDisplay.from_predictions(X, noisy, dae.predict(noisy))
    assert display.axes_.shape == (3, len(X))
    assert display.axes_[1, 0].get_xlabel() == f"{psnr(X, noisy, per_sample=True)[0]:.1f} dB"


def test_images_of_another_size_than_those_of_fit():
    rng = np.random.default_rng(0)
    dae = UNetDAE((4, 8), noise="gaussian", max_epochs=1, random_state=0).fit(
        rng.random((3, 12, 12))
    )
    display = DenoisingDisplay.from_estimator(dae, rng.random((2, 9, 16)), noise=GaussianNoise(0.1))
    assert display.axes_.shape == (3, 2)
