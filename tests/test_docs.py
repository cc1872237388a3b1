"""The code in the README and in the user guide runs, and the guide's results are true."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = sorted((ROOT / "docs" / "user_guide").glob("*.rst"))
README_BLOCKS = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S
)


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_user_guide(page: Path) -> None:
    results = doctest.testfile(
        str(page), module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8"
    )
    assert results.failed == 0


def test_guide_is_there() -> None:
    assert len(GUIDE) > 8


def test_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks run one after another, in one namespace; every model trains for one epoch."""
    monkeypatch.setattr("skdae.estimators._training._FEWEST_STEPS", 1)
    monkeypatch.setattr("skdae.BaseDenoisingAutoencoder._fewest_epochs", 1)
    assert len(README_BLOCKS) > 5
    namespace: dict = {}
    for block in README_BLOCKS:
        shorter = block.replace("max_epochs=15", "max_epochs=1")
        exec(compile(shorter, "README.md", "exec"), namespace)
