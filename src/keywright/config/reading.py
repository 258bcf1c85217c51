"""From plain TOML values to the typed tree: follows the structs of `tree.py`, and goes on after a fault.

`msgspec.convert` would do it in one call, but stops at the first fault and cannot name the key; so this walks the
structs and leaves only single values to it.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from keywright.config.document import Path
from keywright.config.faults import Faults, nearest

Row = TypeVar("Row", bound=Struct)

_EXPECTED: Final = MappingProxyType(
    {
        "int": "a whole number",
        "float": "a number",
        "str": "a string",
        "bool": "true or false",
        "array": "a list",
        "object": "a table",
        "decimal": "a decimal string",
    }
)


class _Bad:
    """Stands for a value that has a fault."""


_BAD: Final = _Bad()


def read_struct(kind: type[Row], value: object, path: Path, faults: Faults) -> Row | None:
    """The struct `kind` that the table `value` at `path` writes, or None when it cannot be made.

    Every fault is noted. A struct that is given although there were faults (unknown keys; entries of a mapping that
    are left out) is only for finding more of them.
    """
    if not isinstance(value, dict):
        faults.add(path, "expected a table")
        return None
    known: dict[str, FieldInfo] = {field.name: field for field in fields(kind)}
    unknown = value.keys() - known.keys()
    for key in sorted(unknown):
        faults.add((*path, key), f"unknown key; {nearest(key, known)}")
    missing = [field.name for field in known.values() if field.required and field.name not in value]
    for key in missing:
        faults.add(path, f"{key} is missing")
    read = {
        key: _read(known[key].type, given, (*path, key), faults) for key, given in value.items() if key not in unknown
    }
    good = {key: part for key, part in read.items() if part is not _BAD}
    # The root goes on without its bad sections, so that the faults of the others are found in the same run.
    if missing or (path and len(good) < len(read)):
        return None
    return kind(**good)


def _read(kind: Any, value: object, path: Path, faults: Faults) -> Any:
    """`value` as the annotation `kind`, or `_BAD` when it has a fault (then it is noted)."""
    kind = _chosen(kind, value)
    bare = _bare(kind)
    origin, arguments = get_origin(bare), get_args(bare)
    if isinstance(bare, type) and issubclass(bare, Struct):
        struct = read_struct(bare, value, path, faults)
        return _BAD if struct is None else struct
    if origin is Mapping:
        return _read_mapping(arguments[1], value, path, faults)
    if origin is tuple:
        items = value if isinstance(value, list) else [value]
        places = [(*path, index) for index in range(len(items))] if items is value else [path]
        read = tuple(_read(arguments[0], item, at, faults) for item, at in zip(items, places, strict=True))
        return _BAD if _BAD in read else _read_leaf(kind, read, path, faults)
    return _read_leaf(kind, value, path, faults)


def _read_mapping(kind: Any, value: object, path: Path, faults: Faults) -> Any:
    if not isinstance(value, dict):
        faults.add(path, "expected a table")
        return _BAD
    read = {key: _read(kind, child, (*path, key), faults) for key, child in value.items()}
    return {key: part for key, part in read.items() if part is not _BAD}


def _read_leaf(kind: Any, value: object, path: Path, faults: Faults) -> Any:
    if _bare(kind) is Decimal and not isinstance(value, str):
        faults.add(path, 'expected a decimal string: write it in quotes, as "0.10", so that no digit is lost')
        return _BAD
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        faults.add(path, _plain(str(error)))
        return _BAD


def _chosen(kind: Any, value: object) -> Any:
    """The member of a union that fits the form of `value`: its struct for a table, else its one other member."""
    if get_origin(kind) not in (Union, UnionType):
        return kind
    members = [member for member in get_args(kind) if member is not type(None)]
    for member in members:
        if isinstance(member, type) and issubclass(member, Struct) and isinstance(value, dict):
            return member
    return members[0]


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _plain(message: str) -> str:
    """msgspec's words in the file's words, without its own notion of a path."""
    text = message.partition(" - at ")[0]
    for word, meaning in _EXPECTED.items():
        text = text.replace(f"`{word}`", meaning)
    return (text[:1].lower() + text[1:]).replace("`", "")
