"""What docs/secrets.md shows is a right configuration, and what it calls exists."""

import re
from pathlib import Path

import pytest

from keywright.cli.secret import commands
from keywright.config.file import parse
from keywright.vault.reference import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "secrets.md").read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_right(text: str) -> None:
    parse(text)


def test_every_kind_has_an_example_and_every_command_is_told_of() -> None:
    assert [kind for kind in KINDS if f'= "{kind}:' not in "".join(EXAMPLES)] == []
    assert [one.name for one in commands().registered_commands if f"keywright secret {one.name}" not in PAGE] == []
