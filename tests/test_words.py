"""The vocabulary of docs/glossary.md, as far as a program can check it: one word, one meaning."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("connectors", "monitor", "reports")
TEST_PACKAGES = ("tests", "benchmarks")
QUESTION = re.compile(r"(What|Whether|Who|Whose|Whom|How|Which|Where|When|Why)\b")
RETIRED = {
    *("told", "said", "kept", "meant", "felt", "tonight", "desk", "wish", "kept_aside", "set_aside", "mended"),
    *("touched", "postmarks", "sieve", "crossing", "behind", "beside", "anew"),
}
"""Names that do not name what they hold. docs/glossary.md has the domain's words."""
RETIRED_IN_TESTS = RETIRED | {
    *("asked", "at", "each", "found", "given", "known", "one", "shown", "there", "wanted", "who"),
}
"""The same for tests and benchmarks, with the words that product code still uses."""


def _trees(packages: Iterable[str]) -> dict[str, ast.Module]:
    paths = sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


TREES = _trees(PACKAGES)


def test_one_word_names_one_class() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(name)
    assert {word: modules for word, modules in places.items() if len(modules) > 1} == {}


def test_each_module_opens_with_a_sentence_of_its_own() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for name, tree in TREES.items():
        places[(ast.get_docstring(tree) or "").split("\n")[0]].append(name)
    assert {first: modules for first, modules in places.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_docstring_opens_with_a_question(package: str) -> None:
    opens = [f"{name}: {first}" for name, first in _openings(package) if QUESTION.match(first)]
    assert opens == []


@pytest.mark.parametrize(("packages", "retired"), [(PACKAGES, RETIRED), (TEST_PACKAGES, RETIRED_IN_TESTS)])
def test_retired_words_name_nothing(packages: tuple[str, ...], retired: set[str]) -> None:
    names = {f"{path}: {name}" for path, tree in _trees(packages).items() for name in _names(tree)}
    assert sorted(name for name in names if name.rpartition(" ")[2].lstrip("_") in retired) == []


def test_the_glossary_explains_each_word_once_in_one_sentence() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").replace("| term | meaning |\n|---|---|\n", "")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    terms = [term for words, _ in rows for term in words.split(", ")]

    assert len(terms) > 50
    assert sorted(terms) == sorted(set(terms))
    assert [words for words, meaning in rows if not meaning.endswith(".")] == []


def _openings(package: str) -> Iterator[tuple[str, str]]:
    for name, tree in TREES.items():
        if name.split("/")[0] == package:
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield name, (ast.get_docstring(node) or "").split("\n")[0]


def _names(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module binds: variables, attributes, parameters, functions and classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
