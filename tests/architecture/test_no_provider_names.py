"""A provider is data: no branch anywhere in the program asks for one by name."""

import ast
from collections.abc import Iterator
from pathlib import Path

from keywright.providers import PROVIDERS

SOURCES = Path(__file__).resolve().parents[2] / "src" / "keywright"
NAMES = {provider.name for provider in PROVIDERS}


def strings(node: ast.AST) -> Iterator[ast.Constant]:
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child


def decisions(tree: ast.AST) -> Iterator[ast.AST]:
    """What a program branches on: tests, comparisons and match patterns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            yield node.test
        elif isinstance(node, ast.Compare | ast.match_case):
            yield node.pattern if isinstance(node, ast.match_case) else node


def offences(source: str, name: str) -> list[str]:
    found = {
        f"{name}:{constant.lineno}: {constant.value!r}"
        for decision in decisions(ast.parse(source))
        for constant in strings(decision)
        if constant.value in NAMES
    }
    return sorted(found)


def test_no_branch_names_a_provider() -> None:
    found = [
        offence
        for file in sorted(SOURCES.rglob("*.py"))
        for offence in offences(file.read_text(encoding="utf-8"), str(file.relative_to(SOURCES)))
    ]
    assert not found


def test_the_search_itself_finds_each_kind_of_branch() -> None:
    assert offences('if name == "groq": pass', "a.py") == ["a.py:1: 'groq'"]
    assert offences('x = 1 if "xai" in names else 2', "b.py")
    assert offences('match name:\n    case "ollama" | "local":\n        pass', "c.py") == [
        "c.py:2: 'local'",
        "c.py:2: 'ollama'",
    ]
    assert not offences('NAME = "openai"', "d.py")
