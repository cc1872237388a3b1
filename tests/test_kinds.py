"""Every public class is in the lists of the tests, the docstrings and the guide."""

import inspect
import re
from collections import defaultdict
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

import skdae
from kinds import ESTIMATORS, IDENTITIES, INJECTORS, ONE_OF_EACH
from skdae import BaseDenoisingAutoencoder, NoiseInjector, PoissonNoise
from skdae.noise import NOISES

GUIDE = Path(__file__).parents[1] / "docs" / "user_guide" / "noise.rst"
ESTIMATOR_CLASSES = [type(dae) for dae in ONE_OF_EACH.values()]
# Parameters that differ in their effect, and how many texts describe them; all others have one.
N_TEXTS = {
    **{"activation": 3, "batch_size": 3, "channels": 2, "latent_dim": 2, "loss": 2, "lr": 2},
    **{
        "max_epochs": 2,
        "optimizer": 2,
        "patch_size": 2,
        "sample_shape": 2,
        "self_supervised": 2,
        "standardize": 2,
    },
}


def public(base):
    """Return the classes of the package that users can make, of this base."""
    classes = [getattr(skdae, name) for name in skdae.__all__]
    classes += [getattr(skdae.noise, name) for name in skdae.noise.__all__]
    return {
        kind
        for kind in classes
        if inspect.isclass(kind) and issubclass(kind, base) and not inspect.isabstract(kind)
    }


def kinds_of(listed):
    return {type(one) for one in listed.values()}


def test_no_injector_is_forgotten():
    assert kinds_of(INJECTORS) == public(NoiseInjector)
    assert kinds_of(IDENTITIES) == public(NoiseInjector) - {PoissonNoise}


def test_no_estimator_is_forgotten():
    assert kinds_of(ESTIMATORS) == kinds_of(ONE_OF_EACH) == public(BaseDenoisingAutoencoder)


def test_a_noise_is_public_in_skdae_too():
    assert set(skdae.noise.__all__) - set(skdae._HOME) == {"CorruptedArray"}


def test_each_noise_with_a_default_level_has_a_short_name():
    composed = {skdae.ChainNoise, skdae.OneOfNoise}
    assert set(NOISES.values()) == public(NoiseInjector) - composed


def test_the_guide_lists_each_noise():
    rows = re.findall(r"^   \* - ``(\w+)``$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(kind.__name__ for kind in NOISES.values())


def documented_parameters(kind):
    """Return the text of each parameter, without its default and the numbers of references."""
    return {
        entry.name: re.sub(
            r"\[\d+\]_", "", " ".join([entry.type.partition(", default=")[0], *entry.desc])
        )
        for entry in NumpyDocString(inspect.getdoc(kind))["Parameters"]
    }


@pytest.mark.parametrize("kind", ESTIMATOR_CLASSES, ids=lambda kind: kind.__name__)
def test_docstrings_list_each_short_name(kind):
    choices = re.match(r"\{(.*?)\}", documented_parameters(kind)["noise"])[1]
    assert sorted(re.findall(r"\w+", choices)) == sorted(["auto", *NOISES])


def test_shared_parameters_have_the_same_text():
    texts = defaultdict(set)
    for kind in ESTIMATOR_CLASSES:
        for name, text in documented_parameters(kind).items():
            texts[name].add(text)
    assert {name: len(found) for name, found in texts.items() if len(found) > 1} == N_TEXTS
