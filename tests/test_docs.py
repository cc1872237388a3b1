"""The code in the README and in the user guide runs, and the guide's results are true."""

from __future__ import annotations

import ast
import doctest
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = sorted((ROOT / "docs" / "user_guide").glob("*.rst"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
README_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
COLUMN = 80  # what a page of the site shows of a line of code without scrolling
PAGES = [*(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))]
PAGES += [*GUIDE, *(ROOT / "examples").glob("*.py")]
# Without those that `make docs` writes.
PAGES += [ROOT / "docs" / f"{name}.rst" for name in ("getting_started", "index", "install")]
PAGES += sorted((ROOT / "skdae").rglob("*.py"))


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
    text = re.sub(r"<!-- pictures -->.*<!-- end of pictures -->", "", text, flags=re.S)  # cut there
    assert not re.findall(r"\]\((?!https?:|#)[^)]*\)|(?:href|src)=", text)
    named = re.findall(r"`([\w/]+/|(?:[\w/]+/)?\w+\.(?:md|rst|py)|LICENSE)`", text)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_readme_and_home_page_show_the_pictures() -> None:
    home = (ROOT / "docs" / "index.rst").read_text(encoding="utf-8")
    files = [*(ROOT / "docs" / "pictures").iterdir()]
    assert sum(file.stat().st_size for file in files) < 1_000_000
    pictures = {f"docs/pictures/{file.name}" for file in files}
    shown = re.findall(r'<a href="(.*?)"><img src="(.*?)" width="\d+" alt="\w.*?"></a>', README)
    assert {picture for _, picture in shown} == pictures
    assert all((ROOT / example).exists() for example, _ in shown)
    cards = re.findall(r":img-top: (.*)\n +:img-alt: \w.*\n(?: .*\n)*? +:link: (.*)", home)
    examples = [example.removeprefix("auto_") + ".py" for _, example in cards]
    assert [*zip(examples, (f"docs/{picture}" for picture, _ in cards), strict=True)] == shown


def test_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks run one after another, in one namespace; every model trains for one epoch."""
    monkeypatch.setattr("skdae.estimators._training._FEWEST_STEPS", 1)
    monkeypatch.setattr("skdae.BaseDenoisingAutoencoder._fewest_epochs", 1)
    assert len(README_BLOCKS) > 5
    namespace: dict = {}
    for block in README_BLOCKS:
        shorter = block.replace("max_epochs=15", "max_epochs=1")
        exec(compile(shorter, "README.md", "exec"), namespace)


def code_of_markdown(text: str) -> Iterator[str]:
    """Yield the lines between fences."""
    for block in re.findall(r"^```.*?\n(.*?)^```", text, re.M | re.S):
        yield from block.splitlines()


def code_of_rst(text: str) -> Iterator[str]:
    """Yield the lines of doctests, with their prompts, and of indented blocks of code."""
    for example in doctest.DocTestParser().get_examples(text):
        yield from (f">>> {line}" for line in example.source.splitlines())
        yield from example.want.splitlines()
    code = r"^( *)(?:\.\. code-block::.*|(?! |\.\.).*::)\n((?:\1 +.*\n|\n)*)"
    for block in re.finditer(code, text, re.M):
        yield from textwrap.dedent(block[2]).splitlines()


def code_of_example(text: str) -> Iterator[str]:
    """Yield the lines of a page of the gallery that are no prose, and the blocks in its prose."""
    prose = r'\A"""(.*?)^"""|^# %%\n((?:#[^\n]*\n)*)'
    yield from re.sub(prose, "", text, flags=re.M | re.S).splitlines()
    for title, block in re.findall(prose, text, re.M | re.S):
        yield from code_of_rst(title + re.sub("^# ?", "", block, flags=re.M))


def code_of_docstrings(text: str) -> Iterator[str]:
    """Yield the lines of code in docstrings."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and (docstring := ast.get_docstring(node)):
            yield from code_of_rst(f"{docstring}\n")


def code_of(page: Path) -> list[str]:
    """Return what a page shows as code."""
    reader = {".md": code_of_markdown, ".rst": code_of_rst}.get(page.suffix, code_of_docstrings)
    reader = code_of_example if page.parent.name == "examples" else reader
    return list(reader(page.read_text(encoding="utf-8")))


def test_code_fits_its_column() -> None:
    assert len(PAGES) > 100
    long = [(page.name, line) for page in PAGES for line in code_of(page) if len(line) > COLUMN]
    assert long == []


def test_code_of_every_kind_is_seen() -> None:
    long = "x" * (COLUMN + 1)
    doctests = f"Text.\n\n>>> {long}\n{long}\n"
    blocks = f".. code-block:: python\n\n   {long}\n\nText::\n\n    {long}\n\n{long}\n"
    blocks += f"  .. grid::\n     {long}\n"
    example = f'"""\n{long}\n"""\n\n# %%\n# {long}::\n#\n#     {long}\n\n{long}\n'
    assert list(code_of_markdown(f"{long}\n```bash\n{long}\n```\n")) == [long]
    assert list(code_of_rst(doctests)) == [f">>> {long}", long]
    assert [*code_of_rst(blocks)].count(long) == 2
    assert [*code_of_example(example)].count(long) == 2
    assert list(
        code_of_docstrings(f'def f():\n    """Do.\n\n    >>> {long}\n    """\n{long}\n')
    ) == [f">>> {long}"]
