"""The package is a dialect: it has the names, with the types, that every dialect has."""

from keywright.core.dialect import Dialect, Wire
from keywright.dialects import bedrock_converse


def test_the_package_is_a_dialect() -> None:
    dialect: Dialect = bedrock_converse
    assert (dialect.NAME, dialect.STREAM_BREAK) == ("bedrock_converse", b"")


def test_it_exports_the_names_of_a_dialect_and_no_others() -> None:
    wanted = {
        name
        for protocol in (Wire, Dialect)
        for name in (*vars(protocol), *protocol.__annotations__)
        if not name.startswith("_")
    }
    assert set(bedrock_converse.__all__) == wanted
