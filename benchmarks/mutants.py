"""Bends lines of the modules that decide, one at a time, and counts how many bends make a test fail.

``python -m benchmarks.mutants [NUMBER | all]``; the modules and their tests are listed under ``[tool.mutmut]`` in
pyproject.toml. A bend that changes no result is equivalent: ``equivalent_mutants.toml`` names those, each with its
reason. Ends with 1 where fewer than 95 % of the other bends are killed in any module.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "mutants"
SEED = 11
LEAST_KILLED = 0.95
SURVIVED = {0, 5, 33}  # mutmut's exit codes: the tests passed, there is no test


def main(number: str = "300") -> int:
    """Bend a seeded sample, or all, and print what survives."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    # mutmut writes all mutants before it looks for the named ones; a name that none has ends it there.
    _mutmut("run", "none")
    names = sorted(_exit_codes())
    if not names:
        sys.stdout.write("mutmut made no mutants. To see why, run: mutmut run\n")
        return 1
    if number != "all":
        names = random.Random(SEED).sample(names, min(int(number), len(names)))  # noqa: S311 - a sample, not a secret
    if _mutmut("run", *names).returncode:
        sys.stdout.write("mutmut could not run the tests. To see why, run: mutmut run\n")
        return 1

    codes = _exit_codes()
    equivalent = {
        (entry["module"], entry["line"].strip(), entry["becomes"].strip())
        for entry in tomllib.loads((ROOT / "benchmarks/equivalent_mutants.toml").read_text())["mutant"]
    }
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name in sorted(names):
        module = name.rpartition(".")[0]
        if codes[name] not in SURVIVED:
            counts[module]["killed"] += 1
            continue
        line, becomes = _bend(name)
        if (module, line, becomes) in equivalent:
            counts[module]["equivalent"] += 1
        else:
            counts[module]["survived"] += 1
            sys.stdout.write(f"{name} survived:\n  - {line}\n  + {becomes}\n")

    is_enough = True
    for module, count in sorted(counts.items()):
        share = count["killed"] / max(count["killed"] + count["survived"], 1)
        is_enough = is_enough and share >= LEAST_KILLED
        sys.stdout.write(
            f"{module}: {share:.1%} of {count['killed'] + count['survived']} killed, "
            f"{count['equivalent']} equivalent{'' if share >= LEAST_KILLED else '  TOO FEW'}\n"
        )
    return 0 if is_enough else 1


def _mutmut(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command


def _exit_codes() -> dict[str, int | None]:
    """Return the exit code of the tests by mutant; ``None`` where it was not tried."""
    codes: dict[str, int | None] = {}
    for path in FOLDER.rglob("*.meta"):
        codes |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def _bend(name: str) -> tuple[str, str]:
    """Return the lines that a mutant replaces, and by what, each as one text."""
    diff = _mutmut("show", name).stdout
    removed, added = (re.findall(rf"^\{sign}(?!\{sign})(.*)$", diff, re.MULTILINE) for sign in "-+")
    return " ".join(line.strip() for line in removed), " ".join(line.strip() for line in added)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
