"""The code in the README and in the user guide runs, and the guide's results are true."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = sorted((ROOT / "docs" / "user_guide").glob("*.rst"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
README_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_user_guide(page: Path) -> None:
    results = doctest.testfile(
        str(page), module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8"
    )
    assert results.failed == 0


def test_guide_is_there() -> None:
    assert len(GUIDE) > 8


def test_readme_is_right_where_it_is_shown_without_the_repository() -> None:
    """A package index shows it too, and there is no public address that links could lead to."""
    text = re.sub(r"^```.*?^```", "", README, flags=re.M | re.S)
    assert not re.findall(r"\]\((?!https?:|#)[^)]*\)", text)
    named = re.findall(r"`([\w/]+/|(?:[\w/]+/)?\w+\.(?:md|rst|py)|LICENSE)`", text)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks run one after another, in one namespace; every model trains for one epoch."""
    monkeypatch.setattr("skdae.estimators._training._FEWEST_STEPS", 1)
    monkeypatch.setattr("skdae.BaseDenoisingAutoencoder._fewest_epochs", 1)
    assert len(README_BLOCKS) > 5
    namespace: dict = {}
    for block in README_BLOCKS:
        shorter = block.replace("max_epochs=15", "max_epochs=1")
        exec(compile(shorter, "README.md", "exec"), namespace)
