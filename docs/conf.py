"""How Sphinx builds the site: from the docstrings, the gallery and the files of the root."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import skdae

sys.path.insert(0, str(Path(__file__).parent))

import api_reference

project = "skdae"
author = "The skdae developers"
copyright = f"2026, {author}"
version = release = skdae.__version__

# No intersphinx: a build reads nothing from the network.
extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "**.ipynb"]
templates_path = ["_templates"]
default_role = "literal"

autosummary_generate = True
# Methods are listed by the template of classes; numpydoc would list them a second time.
numpydoc_show_class_members = False

copybutton_prompt_text = ">>> "
copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdae",),
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "parallel": min(4, os.cpu_count() or 1),
    "download_all_examples": False,
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"skdae {release}"
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "skdae"},
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}


def skip_foreign_member(
    app: Any, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what scikit-learn gives every estimator: its texts refer to its own pages."""
    module = getattr(obj, "__module__", None)
    return True if module is not None and not module.startswith("skdae") else None


def markdown_to_rst(text: str) -> str:
    """Turn the little Markdown that CHANGELOG.md and CONTRIBUTING.md use into reStructuredText."""
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            lines += ["", f".. code-block:: {line[3:] or 'text'}", ""] if fenced else [""]
        elif fenced:
            lines.append(f"    {line}")
        elif heading := re.match(r"(#+) (.*)", line):
            lines += [heading[2], "=-~"[len(heading[1]) - 1] * len(heading[2])]
        else:
            line = re.sub(r"`([^`]+)`", r"``\1``", line)
            lines.append(re.sub(r"\[([^]]+)\]\((https?:[^)]+)\)", r"`\1 <\2>`__", line))
    return "\n".join(lines)


def read_markdown(app: Any, path: Path, parent: str, content: list[str]) -> None:
    """Let ``include`` read Markdown."""
    if path.suffix == ".md":
        content[0] = markdown_to_rst(content[0])


def setup(app: Any) -> None:
    """Write the API page before autosummary looks for it, and hook into the readers."""
    Path(app.srcdir, "api.rst").write_text(api_reference.render(), encoding="utf-8")
    app.connect("autodoc-skip-member", skip_foreign_member)
    app.connect("include-read", read_markdown)
