"""Runs the comparison, prints it, writes it to build/validity.md and draws it to build/validity.svg.

python -m benchmarks.validity [--seeds 41 42 43] [--scale 1.0] [--output build]
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from functools import partial
from pathlib import Path

from benchmarks.validity.comparison import compare_on_seed, thresholds
from benchmarks.validity.drawing import draw
from benchmarks.validity.intervals import interval_table
from benchmarks.validity.rows import Row, Sizes
from benchmarks.validity.tables import (
    by_seed_table,
    clients_table,
    false_table,
    methods_table,
    pool_seeds,
    targets_table,
)

LIMITS = """What this does not show: that people live like this simulation, that a notice is worth having, that
anybody is more or less well. It shows how often each method is wrong, and how soon it is right, if they do."""


def compare(seeds: list[int], sizes: Sizes) -> list[Row]:
    """Run all seeds, as many at a time as there are processors."""
    run = partial(compare_on_seed, sizes=sizes, limits=thresholds(sizes))
    with ProcessPoolExecutor() as pool:
        return [row for rows in pool.map(run, seeds) for row in rows]


def report(rows: list[Row], seeds: list[int], sizes: Sizes) -> str:
    """Return the text of the report."""
    together = pool_seeds(rows)
    fewer = (
        f"PELT {sizes.slow}, three families {sizes.patterns}, one client {sizes.clinicians}, "
        f"all at once {sizes.all_families}"
    )
    parts = (
        f"Seeds {', '.join(map(str, seeds))}, with {sizes.people} people ({fewer}) each.",
        "± is one Monte-Carlo standard error, (n) the median delay in weeks.",
        methods_table(together),
        targets_table(together),
        clients_table(together),
        false_table(together),
        interval_table(seeds, sizes.intervals, sizes.clinicians),
        by_seed_table(rows),
        LIMITS,
    )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run the comparison with the options of the command line."""
    options = argparse.ArgumentParser(description="How often each method is wrong, and how soon it is right.")
    options.add_argument("--seeds", type=int, nargs="+", default=[41, 42, 43])
    options.add_argument("--scale", type=float, default=1.0, help="how many to simulate, of the usual number")
    options.add_argument("--output", type=Path, default=Path("build"))
    chosen = options.parse_args()
    sizes = Sizes(*(max(round(size * chosen.scale), 3) for size in astuple(Sizes())))
    rows = compare(chosen.seeds, sizes)
    text = report(rows, chosen.seeds, sizes)
    draw(pool_seeds(rows), chosen.output / "validity.svg")
    (chosen.output / "validity.md").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
