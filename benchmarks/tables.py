"""Benchmarks of tables: one section, with its options.

python benchmarks/tables.py missing breast_cancer --seeds 3
python benchmarks/tables.py outliers --help
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

FILES = sorted(Path(__file__).parent.glob("tables_*.py"))
SECTIONS = {path.stem.removeprefix("tables_"): path for path in FILES}


def main() -> None:
    """Run the file of a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("options", nargs=argparse.REMAINDER, help="those of the section")
    chosen = parser.parse_args()
    sys.argv[1:] = chosen.options
    runpy.run_path(str(SECTIONS[chosen.section]), run_name="__main__")


if __name__ == "__main__":
    main()
