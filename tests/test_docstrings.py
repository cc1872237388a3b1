"""Docstrings as contracts: numpydoc's rules, and documented defaults that are the defaults."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import skdae

# All of numpydoc's checks run but these, which scikit-learn leaves out as well.
IGNORED = {
    "GL01": "the summary stands in the line of the opening quotes (PEP 257)",
    "GL02": "the closing quotes stand in a line of their own",
    "RT02": "a returned value has a name",
}
# A class is a page of its own; a function may do with less, a method with less still, and an
# abstract class without a constructor describes the parameters of those that inherit from it.
NOT_OF_FUNCTIONS = {"ES01", "SA01"}
NOT_OF_METHODS = {"ES01", "SA01", "EX01"}
NOT_OF_ABSTRACT_CLASSES = {"PR02"}


def public_objects() -> dict[str, Any]:
    """Collect every public class and function, and the methods that skdae gives them."""
    paths = [f"skdae.{name}" for name in skdae._HOME]
    for room in skdae._SUBMODULES:
        if room not in skdae._HOME.values():  # none of its names is public in skdae itself
            paths += [f"skdae.{room}.{name}" for name in resolve(f"skdae.{room}").__all__]
    objects = {}
    for value in map(resolve, paths):
        if inspect.isclass(value):
            objects.update(documented(value))
        elif callable(value):
            objects[path_of(value)] = value
    return objects


def resolve(path: str) -> Any:
    """Follow a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def path_of(value: Any) -> str:
    """Say where a class or function is defined."""
    return f"{value.__module__}.{value.__qualname__}"


def documented(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield a class and its public methods, each under the class of skdae that defines it."""
    yield path_of(cls), cls
    for owner in cls.__mro__:
        if owner.__module__.startswith("skdae."):
            for name in vars(owner):
                method = getattr(owner, name)
                if not name.startswith("_") and (callable(method) or isinstance(method, property)):
                    yield f"{path_of(owner)}.{name}", method


def defaults(value: Any) -> dict[str, Any]:
    """Read the defaults of a signature, and what the factories of a dataclass make."""
    found = {
        name: parameter.default
        for name, parameter in inspect.signature(value).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.default_factory is not dataclasses.MISSING:
                found[field.name] = field.default_factory()
    return found


def same(text: str, default: Any) -> bool:
    """Compare a documented default with the one of the signature."""
    try:
        return repr(ast.literal_eval(text)) == repr(default)
    except (SyntaxError, ValueError):  # the name of a class or function, or of a number
        name = text.removeprefix("-").rpartition(".")[2]
        return name in (getattr(default, "__name__", None), repr(default).removeprefix("-"))


def waived(value: Any) -> set[str]:
    """Choose the checks that do not apply to a class, a method or a function."""
    if inspect.isclass(value):
        return NOT_OF_ABSTRACT_CLASSES if inspect.isabstract(value) else set()
    return NOT_OF_METHODS if "." in getattr(value, "__qualname__", ".") else NOT_OF_FUNCTIONS


OBJECTS = public_objects()


@pytest.mark.parametrize("path", OBJECTS)
def test_numpydoc_has_nothing_to_say(path):
    allowed = waived(OBJECTS[path]) | set(IGNORED)
    errors = [f"{code}: {text}" for code, text in validate(path)["errors"] if code not in allowed]
    assert not errors, "\n".join([path, *errors])


@pytest.mark.parametrize(
    "path",
    # scikit-learn writes the methods that request metadata.
    [p for p, value in OBJECTS.items() if callable(value) and not p.endswith("_request")],
)
def test_documented_defaults_are_the_defaults(path):
    value = OBJECTS[path]
    described = {
        name: re.search(r"default=(.+)$", entry.type)
        for entry in NumpyDocString(inspect.getdoc(value) or "")["Parameters"]
        for name in entry.name.split(", ")
    }
    for name, default in defaults(value).items():
        if name == "y":
            continue  # as in scikit-learn, an ignored y is documented without its None
        found = described.get(name)
        assert found is not None, f"{path}: the default of '{name}' is not documented"
        assert same(found[1], default), f"{path}: '{name}' is {default!r}"


def test_the_scan_sees_classes_methods_and_functions():
    assert "skdae.noise._gaussian.GaussianNoise" in OBJECTS
    assert "skdae.noise._injector.NoiseInjector.corrupt" in OBJECTS
    assert "skdae.metrics._quality.psnr" in OBJECTS


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("0.1", 0.1, True),
        ("0.1", 0.2, False),
        ('"auto"', "auto", True),
        ("auto", "auto", False),
        ("(32, 32)", (32, 32), True),
        ("True", 1, False),
        ("None", None, True),
        ("np.mean", len, False),
    ],
)
def test_defaults_are_compared_as_values(text, default, expected):
    assert same(text, default) is expected
