"""Mutation test of the modules that decide: changes one expression at a time and counts how often a test fails.

``python -m benchmarks.mutants [NUMBER | all]``; the modules and their tests are listed under ``[tool.mutmut]`` in
pyproject.toml. A mutant that changes no result is equivalent: ``equivalent_mutants.toml`` names those, each with its
reason. Ends with 1 if in any module fewer than 95 % of the other mutants are killed, or if one was not decided.
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
# Exit codes of mutmut. Whatever is in neither set (not tried, interrupted, crashed) decides nothing.
KILLED = {1, 3, 24, 36, 37, 152, 255, -24}  # a test failed, pytest failed, too slow, refused by the type check
SURVIVED = {0, 5, 33}  # the tests passed, there is no test


def main(number: str = "300") -> int:
    """Try a seeded sample of mutants, or all, and print those that survive and the share killed in each module."""
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
        outcome = outcome_of(codes[name])
        if outcome == "survived":
            line, becomes = _change(name)
            if (module, line, becomes) in equivalent:
                outcome = "equivalent"
            else:
                sys.stdout.write(f"{name} survived:\n  - {line}\n  + {becomes}\n")
        counts[module][outcome] += 1

    is_enough = True
    for module, count in sorted(counts.items()):
        decided = count["killed"] + count["survived"]
        enough = not count["undecided"] and count["killed"] >= LEAST_KILLED * decided
        is_enough = is_enough and enough
        sys.stdout.write(
            f"{module}: {count['killed']} of {decided} killed, {count['equivalent']} equivalent, "
            f"{count['undecided']} undecided{'' if enough else '  TOO FEW'}\n"
        )
    return 0 if is_enough else 1


def outcome_of(code: int | None) -> str:
    """Return what an exit code of mutmut means: killed, survived or undecided."""
    return "killed" if code in KILLED else "survived" if code in SURVIVED else "undecided"


def _mutmut(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command


def _exit_codes() -> dict[str, int | None]:
    """Return the exit code of the tests by mutant; ``None`` where it was not tried."""
    codes: dict[str, int | None] = {}
    for path in FOLDER.rglob("*.meta"):
        codes |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def _change(name: str) -> tuple[str, str]:
    """Return the lines that a mutant replaces, and by what, each as one text."""
    diff = _mutmut("show", name).stdout
    removed, added = (re.findall(rf"^\{sign}(?!\{sign})(.*)$", diff, re.MULTILINE) for sign in "-+")
    return " ".join(line.strip() for line in removed), " ".join(line.strip() for line in added)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
