"""The display of odd cells and pixels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skdae import DAEOutlierDetector, DenseDAE, FeatureErrorsDisplay

pytestmark = pytest.mark.usefixtures("pyplot")


def shown(ax):
    """Return the values of the last image in an Axes."""
    return np.asarray(ax.get_images()[-1].get_array())


def test_a_table_is_one_heat_map():
    errors = np.arange(12.0).reshape(3, 4)
    display = FeatureErrorsDisplay.from_predictions(
        np.zeros((3, 4)), errors, feature_names=list("abcd"), sample_names=list("xyz")
    )
    (ax,) = display.axes_
    np.testing.assert_array_equal(shown(ax), errors)
    assert [label.get_text() for label in ax.get_xticklabels()] == list("abcd")
    assert [label.get_text() for label in ax.get_yticklabels()] == list("xyz")
    assert ax.get_images()[0].get_clim() == (1, 11)


def test_usual_samples_stay_pale():
    display = FeatureErrorsDisplay.from_predictions(np.zeros((2, 3)), np.ones((2, 3)))
    assert display.axes_[0].get_images()[0].get_clim() == (1, 4)


def test_images_let_usual_pixels_through():
    errors = np.ones((2, 4, 4))
    errors[1, 2, 3] = 9
    display = FeatureErrorsDisplay.from_predictions(
        np.random.default_rng(0).random((2, 4, 4)), errors
    )
    assert display.axes_.shape == (2,)
    for ax, error in zip(display.axes_, errors, strict=True):
        np.testing.assert_array_equal(shown(ax), error)
        np.testing.assert_allclose(ax.get_images()[-1].get_alpha(), (error - 1) / 8)


def test_signals_are_curves_on_a_ground():
    errors = np.ones((2, 50))
    display = FeatureErrorsDisplay.from_predictions(np.ones((2, 50)), errors, sample_shape=(50, 1))
    assert display.axes_.shape == (2,)
    assert len(display.axes_[0].get_lines()) == 1
    assert shown(display.axes_[0]).shape == (1, 50)


def test_from_estimator_takes_names_and_first_rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((30, 3)), columns=["one", "two", "three"])
    dae = DenseDAE((8,), max_epochs=2)
    detector = DAEOutlierDetector(dae, n_folds=2, random_state=0).fit(X)
    display = FeatureErrorsDisplay.from_estimator(detector, X, n_samples=5)
    np.testing.assert_array_equal(shown(display.axes_[0]), detector.feature_errors(X[:5]))
    labels = [label.get_text() for label in display.axes_[0].get_xticklabels()]
    assert labels == ["one", "two", "three"]


def test_axes_of_ones_own(pyplot):
    _, axes = pyplot.subplots(1, 2)
    display = FeatureErrorsDisplay.from_predictions(
        np.zeros((2, 4, 4)), np.ones((2, 4, 4)), axes=axes
    )
    assert list(display.axes_) == list(axes)
    with pytest.raises(ValueError, match="must hold 3 Axes"):
        FeatureErrorsDisplay.from_predictions(np.zeros((3, 4, 4)), np.ones((3, 4, 4)), axes=axes)


def test_what_does_not_fit_together():
    with pytest.raises(ValueError, match="errors of the shape of the samples"):
        FeatureErrorsDisplay.from_predictions(np.zeros((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="'feature_names' .* must have 3 names. Got 2"):
        FeatureErrorsDisplay.from_predictions(
            np.zeros((2, 3)), np.ones((2, 3)), feature_names=["a", "b"]
        )
    with pytest.raises(ValueError, match="'n_samples' parameter"):
        FeatureErrorsDisplay.from_predictions(np.zeros((2, 3)), np.ones((2, 3)), n_samples=0)
