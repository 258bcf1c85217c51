"""The text of a `.env` file: what its variables are, and how one is changed while all else stays byte for byte.

python-dotenv says where each statement begins and ends, and its quoting is ours, so that every reader of such files
sees the same. Its `set_key` is not used: it drops blank lines, `export` and the comment on the variable's line, and
does not bring the file to the disk.
"""

import io
import re
from collections.abc import Mapping
from typing import Final

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

_BOM: Final = "\ufeff"
_STATEMENT: Final = re.compile(
    r"(?P<head>\s*(?:export[^\S\r\n]+)?[^=#\s]+)[^\S\r\n]*"
    r"(?:=(?:[^\S\r\n]*(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")|[^\r\n]*?))?"
    r"(?P<tail>(?:[^\S\r\n]+\#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|$))",
    re.DOTALL,
)
"""One statement that python-dotenv has accepted: blank lines, `export`, name; value; comment, line end."""


def variables(text: str) -> Mapping[str, str]:
    """Every variable that has a value, as it stands: `${OTHER}` is not expanded."""
    found = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in found.items() if value}


def assigned(text: str, name: str, value: str) -> str:
    """`text` in which `name` is `value`: in its own line, or in a new last one. Wherever it is set, it is set so.

    Raises:
        ValueError: it would not say so, or would say something else of another variable, as when a quote is left open.
    """
    statements = _statements(text)
    parts = [_with_value(one, value) if one.key == name else one.original.string for one in statements]
    if all(one.key != name for one in statements):
        parts += ["" if not parts or parts[-1].endswith(("\n", "\r")) else "\n", f"{name}={_quoted(value)}\n"]
    changed = _bom(text) + "".join(parts)
    if variables(changed) != {**variables(text), name: value}:
        raise ValueError("it would be read otherwise than it should be")
    return changed


def without(text: str, name: str) -> str:
    """`text` in which `name` is not set; the other statements stay as they are."""
    return _bom(text) + "".join(one.original.string for one in _statements(text) if one.key != name)


def _statements(text: str) -> list[Binding]:
    return list(parse_stream(io.StringIO(text)))


def _bom(text: str) -> str:
    """python-dotenv leaves out a byte-order mark, which is not part of any statement."""
    return _BOM if text.startswith(_BOM) else ""


def _with_value(statement: Binding, value: str) -> str:
    shape = _STATEMENT.fullmatch(statement.original.string)
    if shape is None:
        raise ValueError("has a statement of another form than ours")
    return f"{shape['head']}={_quoted(value)}{shape['tail']}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
