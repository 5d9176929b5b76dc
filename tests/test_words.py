"""The vocabulary of docs/glossary.md, as far as a machine can watch it: one word, one meaning, plainly said."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("connectors", "monitor", "reports")
PATHS = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in PATHS}
QUESTION = re.compile(r"(What|Whether|Who|Whose|Whom|How|Which|Where|When|Why)\b")
RETIRED = {
    *("told", "said", "kept", "meant", "felt", "tonight", "desk", "wish", "kept_aside", "set_aside", "mended"),
    *("touched", "postmarks", "sieve", "crossing", "behind", "beside", "anew"),
}
"""Words that did not say what they named. docs/glossary.md has the ones that took their place."""


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


def test_retired_words_name_nothing() -> None:
    names = {f"{module}: {name}" for module, tree in TREES.items() for name in _names(tree) if name in RETIRED}
    assert sorted(names) == []


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
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
