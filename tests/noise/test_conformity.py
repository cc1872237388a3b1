"""scikit-learn's own checks, those that its generator leaves out too."""

import inspect

import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from kinds import INJECTORS
from skdae.noise import NoiseInjector

# The checks draw normal values, which are no counts and go beyond black and white.
pytestmark = [
    pytest.mark.filterwarnings("ignore:PoissonNoise makes counts:UserWarning"),
    pytest.mark.filterwarnings("ignore:low=0 and high=1 of:UserWarning"),
    pytest.mark.filterwarnings("ignore:CameraNoise reads X as brightness:UserWarning"),
]

BOTH = [
    clone(injector).set_params(when=when)
    for injector in INJECTORS.values()
    for when in ("fit", "always")
]

ONLY_WHILE_FITTING = (
    "when='fit' corrupts in fit_transform and passes data through in transform: they differ, "
    "as the noise must be there while training and must not at predict time"
)
OF_ITS_OWN = (
    "when='always' draws noise for every value on its own: what a row gets depends on its place "
    "in the array"
)


def expected_failures(injector):
    if injector.when == "fit":
        return {
            "check_transformer_general": ONLY_WHILE_FITTING,
            "check_transformer_data_not_an_array": ONLY_WHILE_FITTING,
        }
    return {
        "check_methods_sample_order_invariance": OF_ITS_OWN,
        "check_methods_subset_invariance": OF_ITS_OWN,
    }


def name_of(injector):
    return f"{type(injector).__name__}-{injector.when}"


@parametrize_with_checks(BOTH, expected_failed_checks=expected_failures, xfail_strict=True)
def test_scikit_learn_checks(estimator, check, request):
    try:
        check(estimator)
    except AssertionError as error:
        if request.node.get_closest_marker("xfail"):
            # pytest would spend a third of its time on tracebacks that it does not show
            error = error.with_traceback(None)
        raise error


# the checks of set_output fit on a frame and transform an array, and the other way round
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
@pytest.mark.parametrize("injector", BOTH, ids=name_of)
def test_checks_that_the_generator_leaves_out(injector, left_out_check):
    getattr(estimator_checks, left_out_check)(type(injector).__name__, clone(injector))


@pytest.mark.parametrize("injector", BOTH, ids=name_of)
def test_no_check_is_hidden_by_a_tag(injector):
    tags = get_tags(injector)
    assert tags.input_tags.two_d_array
    assert not tags.input_tags.positive_only
    assert not tags.input_tags.sparse
    assert not tags.no_validation
    assert not tags.non_deterministic
    assert not tags._skip_test
    assert not tags.requires_fit
    assert set(tags.transformer_tags.preserves_dtype) == {"float16", "float32", "float64"}


@pytest.mark.parametrize("injector", BOTH, ids=name_of)
def test_parameters_go_through_clone_and_repr(injector):
    copied = clone(injector)
    assert copied is not injector
    assert repr(copied) == repr(injector)
    assert repr(injector).startswith(type(injector).__name__ + "(")
    for name, value in injector.get_params(deep=False).items():
        if name != "noises":
            assert copied.get_params()[name] == value


@pytest.mark.parametrize("injector", INJECTORS.values(), ids=INJECTORS.keys())
def test_shared_parameters_have_the_same_defaults_everywhere(injector):
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(type(injector)).parameters.items()
        if name in ("clip", "random_state", "when")
    }
    assert defaults == {"clip": None, "random_state": None, "when": "fit"}
    kinds = [p.kind for p in inspect.signature(type(injector)).parameters.values()]
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for kind in kinds[1:])


@pytest.mark.parametrize("injector", INJECTORS.values(), ids=INJECTORS.keys())
def test_the_first_line_says_when_noise_acts(injector):
    # the rule that surprises newcomers: fit_transform and transform differ
    first = type(injector).__doc__.splitlines()[0]
    assert "while fitting" in first
    assert "pass" in first
    assert "through" in first


def test_a_kind_is_a_formula_and_the_name_of_its_level():
    class Inverted(NoiseInjector):
        _level = "strength"
        _parameter_constraints = {**NoiseInjector._parameter_constraints, "strength": [float]}

        def __init__(self, strength=1.0, *, clip=None, random_state=None, when="fit"):
            self.strength = strength
            self.clip = clip
            self.random_state = random_state
            self.when = when

        def _corrupt(self, x, level, generator):
            return x - 2 * level * x

    assert Inverted(0.5).corrupt([[2.0, 4.0]]).tolist() == [[0.0, 0.0]]
    assert Inverted(0.5).fit_transform([[2.0, 4.0]]).origin.clean.tolist() == [[2.0, 4.0]]
    with pytest.raises(TypeError, match="abstract"):
        NoiseInjector()
