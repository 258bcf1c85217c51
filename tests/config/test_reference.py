"""docs/configuration.md is complete: each key of the configuration stands in it, and its default is true."""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from keywright.config import tree
from keywright.vault.settings import StoreSettings

PAGE: Final = Path(__file__).parents[2] / "docs" / "configuration.md"
HEADINGS: Final[dict[type[Struct], str]] = {
    tree.Server: "## `[server]`",
    tree.Store: "## `[store]`",
    StoreSettings: "## `[secrets.NAME]`: a store of secrets",
    tree.ProviderConfig: "## `[providers.NAME]`",
    tree.Timeouts: "### `timeout_s`",
    tree.FederationConfig: "### `[providers.NAME.federation]`",
    tree.CredentialConfig: "### `[[providers.NAME.credentials]]`",
    tree.RotationConfig: "### `rotation`",
    tree.ModelConfig: "## `[models.NAME]`: an alias",
    tree.PriceConfig: "## `[[prices]]`",
    tree.PricesSource: "## `[prices_source]`",
    tree.ProjectConfig: "## `[projects.NAME]`",
    tree.BudgetConfig: "## `[[budgets]]`",
    tree.LimitConfig: "## `[[limits]]`",
    tree.Retry: "## `[retry]`",
    tree.LedgerConfig: "## `[ledger]`",
}


def structs(kind: type[Struct]) -> Iterator[type[Struct]]:
    """All that stand below `kind`."""
    for field in fields(kind):
        for found in _structs_in(field.type):
            yield found
            yield from structs(found)


def _structs_in(annotation: Any) -> Iterator[type[Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        yield annotation
    for argument in get_args(annotation):
        yield from _structs_in(argument)


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the section's table, by the key in the first of them."""
    lines = PAGE.read_text().splitlines()
    section = takewhile(lambda line: not line.startswith("#"), lines[lines.index(heading) + 1 :])
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section if line.startswith("| `")]
    return {row[0].strip("`"): row for row in cells if len(row) == len(("key", "takes", "default", "meaning"))}


def written(field: FieldInfo) -> str:
    """How the field's default is written; "" where the words of the page say what holds."""
    if field.default is NODEFAULT and field.default_factory is NODEFAULT:
        return "required"
    default = field.default if field.default_factory is NODEFAULT else field.default_factory()
    if isinstance(default, Struct) or default in (None, "", (), {}):
        return ""
    if isinstance(default, float | Decimal):
        return f"`{default:g}`"
    return f"`{json.dumps(default)}`"


def test_every_table_of_the_configuration_has_a_section() -> None:
    assert set(structs(tree.Config)) == HEADINGS.keys()
    for field in fields(tree.Config):
        assert any(f"[{field.name}" in heading for heading in HEADINGS.values()), field.name


@pytest.mark.parametrize("kind", HEADINGS, ids=lambda kind: kind.__name__)
def test_every_key_stands_in_its_section_with_its_default(kind: type[Struct]) -> None:
    found = rows(HEADINGS[kind])
    assert set(found) == {field.name for field in fields(kind)}
    for field in fields(kind):
        _, takes, default, _ = found[field.name]
        assert takes
        assert default == written(field) or (not written(field) and default), field.name
