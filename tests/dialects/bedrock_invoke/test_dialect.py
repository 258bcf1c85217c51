"""The package is a dialect: it has the names, with the types, that every dialect has, and two of its own."""

from keywright.core.dialect import Dialect, Wire
from keywright.dialects import bedrock_invoke


def test_the_package_is_a_dialect() -> None:
    dialect: Dialect = bedrock_invoke
    assert (dialect.NAME, dialect.STREAM_BREAK) == ("bedrock_invoke", b"")


def test_it_exports_the_names_of_a_dialect_and_what_its_path_needs() -> None:
    wanted = {
        name
        for protocol in (Wire, Dialect)
        for name in (*vars(protocol), *protocol.__annotations__)
        if not name.startswith("_")
    }
    assert set(bedrock_invoke.__all__) == wanted | {"embedding_wire", "kind_of", "speaks_alike"}
