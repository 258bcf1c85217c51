"""Both packages are dialects: they have the names, with the types, that every dialect has."""

import pytest

from keywright.core.dialect import Dialect, Wire
from keywright.dialects import gemini, gemini_array

DIALECTS: list[Dialect] = [gemini, gemini_array]


def test_they_are_told_apart_by_name_and_by_what_a_stream_is() -> None:
    assert [dialect.NAME for dialect in DIALECTS] == ["gemini", "gemini_array"]
    assert [dialect.STREAM_TYPE for dialect in DIALECTS] == [b"text/event-stream", b"application/json"]
    assert all(frozenset({dialect.NAME}) == dialect.CARRIES for dialect in DIALECTS)


@pytest.mark.parametrize("module", [gemini, gemini_array])
def test_they_export_the_names_of_a_dialect_and_no_others(module: Dialect) -> None:
    wanted = {
        name
        for protocol in (Wire, Dialect)
        for name in (*vars(protocol), *protocol.__annotations__)
        if not name.startswith("_")
    }
    assert set(vars(module)["__all__"]) == wanted
