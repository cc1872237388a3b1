"""features="all_layers": the values of every hidden layer, as features with names."""

import pickle
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from kinds import EXPECTED_FAILURES
from skdae import ConvDAE, DenseDAE, SwapNoise, trusted_types
from skdae.nn import ACTIVATIONS, ConvAutoencoder, DenseAutoencoder, promises_hidden_layers

X = np.random.default_rng(0).random((80, 12)).astype(np.float32)
SETTINGS = {"noise": "gaussian", "max_epochs": 2, "random_state": 0}
LAYERS = DenseDAE((7, 5), latent_dim=3, features="all_layers", **SETTINGS)
WIDTHS = (7, 5, 3, 5, 7)


@parametrize_with_checks([LAYERS], expected_failed_checks=lambda estimator: EXPECTED_FAILURES)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_checks_that_scikit_learn_leaves_out(left_out_check):
    getattr(estimator_checks, left_out_check)("DenseDAE", clone(LAYERS))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_they_are_what_the_layers_return(activation):
    """Each is the activation of a linear map of the one before: computed here from the weights."""
    module = DenseAutoencoder(
        (12,), hidden_layer_sizes=(7, 5), latent_dim=3, activation=activation
    ).eval()
    with torch.no_grad():
        x = torch.from_numpy(X)
        layers = module.hidden_layers(x)
        linear = [part for part in module.modules() if isinstance(part, torch.nn.Linear)]
        assert len(linear) == len(layers) + 1
        for layer, found in zip(linear, layers, strict=False):
            x = ACTIVATIONS[activation]()(x @ layer.weight.T + layer.bias)
            assert_allclose(found.numpy(), x.numpy(), atol=1e-6)
        output = x @ linear[-1].weight.T + linear[-1].bias
        assert_allclose(module(torch.from_numpy(X)).numpy(), output.numpy(), atol=1e-6)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("sizes", [(), (7,), (7, 5)])
def test_the_code_is_among_them_and_all_have_their_widths(sizes, standardize):
    dae = clone(LAYERS).set_params(hidden_layer_sizes=sizes, standardize=standardize).fit(X)
    values = dae.transform(X)
    before, both = sum(sizes), 2 * sum(sizes) + 3
    assert values.shape == (80, both)
    assert values.dtype == np.float32
    codes = dae.set_params(features="code").transform(X)
    assert_array_equal(values[:, before : before + 3], codes)


def test_they_are_those_of_the_net_as_it_sees_the_data():
    dae = clone(LAYERS).fit(X)
    with torch.no_grad():
        x = dae.net_.standardization_.of_inputs(torch.from_numpy(X))
        layers = torch.cat(dae.net_.module_.eval().hidden_layers(x), dim=1)
    assert_allclose(dae.transform(X), layers.numpy(), atol=1e-6)


def test_images_are_rows_of_their_pixels():
    images = X.reshape(80, 3, 4)
    dae = clone(LAYERS).fit(images)
    assert_array_equal(dae.transform(images), clone(LAYERS).fit(X).transform(X))


def test_names():
    dae = clone(LAYERS).fit(X)
    names = dae.get_feature_names_out()
    expected = [
        f"densedae_layer{k + 1}_{i}" for k, width in enumerate(WIDTHS) for i in range(width)
    ]
    assert names.tolist() == expected
    frame = dae.set_output(transform="pandas").transform(X)
    assert frame.columns.tolist() == expected
    dae.set_params(features="code")
    assert dae.get_feature_names_out().tolist() == ["densedae0", "densedae1", "densedae2"]


def test_a_row_does_not_depend_on_the_others():
    dae = clone(LAYERS).fit(X)
    many = np.tile(X, (200, 1))
    assert_array_equal(dae.transform(many)[-80:], dae.transform(X))
    assert_array_equal(dae.transform(X[3:4])[0], dae.transform(X)[3])


def test_what_is_fitted_does_not_depend_on_them():
    """So a search over them needs no other net, and a fitted one may be asked for either."""
    one, other = clone(LAYERS).fit(X), clone(LAYERS).set_params(features="code").fit(X)
    assert_array_equal(one.predict(X), other.predict(X))
    assert_array_equal(other.set_params(features="all_layers").transform(X), one.transform(X))
    one.set_params(warm_start=True).set_params(features="code").fit(X)  # the same net goes on
    assert one.n_iter_ == 4


def test_a_checkpoint_serves_both(tmp_path):
    dae = clone(LAYERS).set_params(checkpoint=tmp_path)
    for features in ("code", "all_layers"):
        clone(dae).set_params(features=features).fit(X)
    assert len(list(tmp_path.iterdir())) == 1


def test_round_trips(tmp_path):
    skops_io = pytest.importorskip("skops.io")
    dae = clone(LAYERS).fit(X)
    dae.save_weights(tmp_path / "weights")
    for copy in (
        pickle.loads(pickle.dumps(dae)),
        skops_io.loads(skops_io.dumps(dae), trusted=trusted_types()),
        clone(LAYERS).load_weights(tmp_path / "weights"),
        clone(LAYERS).set_params(features="code").load_weights(tmp_path / "weights"),
    ):
        copy.set_params(features="all_layers")
        assert_array_equal(copy.transform(X), dae.transform(X))


def test_before_a_classifier_and_in_a_search():
    labels = (X[:, 0] > X[:, 1]).astype(int)
    pipe = make_pipeline(
        SwapNoise(0.15),
        DenseDAE((16,), latent_dim=8, features="all_layers", max_epochs=5, random_state=0),
        StandardScaler(),
        LogisticRegression(),
    ).fit(X, labels)
    assert pipe[-1].n_features_in_ == 40
    assert pipe.score(X, labels) > 0.7
    grid = {"densedae__features": ["code", "all_layers"]}
    assert GridSearchCV(pipe, grid, cv=2).fit(X, labels).best_params_.keys() == grid.keys()


# ------------------------------------------------------------------------------- what is wrong
def test_only_codes_can_be_decoded():
    dae = clone(LAYERS).fit(X)
    assert not hasattr(dae, "inverse_transform")
    with pytest.raises(AttributeError) as error:
        dae.inverse_transform(dae.transform(X))
    assert "set features='code', which may be done after fit" in str(error.value.__cause__)
    dae.set_params(features="code")
    assert dae.inverse_transform(dae.transform(X)).shape == X.shape


@pytest.mark.parametrize("value", ["layers", None, 3])
def test_other_values_are_named(value):
    match = re.escape(f"Got {value!r} instead")
    with pytest.raises(ValueError, match="The 'features' parameter of DenseDAE must be .*" + match):
        clone(LAYERS).set_params(features=value).fit(X)


def test_other_modules_do_not_show_their_layers():
    assert promises_hidden_layers(DenseAutoencoder((12,)))
    assert not promises_hidden_layers(ConvAutoencoder((1, 8, 8)))
    assert "features" not in ConvDAE().get_params()
