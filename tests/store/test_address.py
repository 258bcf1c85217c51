"""A database's URL is read whole, shown again without what is secret, and refused with the right form."""

import pytest

from keywright.core.errors import StoreError
from keywright.store.address import PostgresAddress, parsed


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://ann@db/keywright", PostgresAddress("ann", "db", None, "keywright")),
        ("postgresql://ann@db:5433/keywright", PostgresAddress("ann", "db", 5433, "keywright")),
        ("postgresql://ann@[::1]:5433/keywright", PostgresAddress("ann", "::1", 5433, "keywright")),
        ("postgresql:///keywright", PostgresAddress("", "", None, "keywright")),
        ("postgresql://a%40b@db/key%20wright", PostgresAddress("a@b", "db", None, "key wright")),
        (
            "postgresql://ann@/keywright?host=/run/Pg&sslmode=verify-full",
            PostgresAddress("ann", "", None, "keywright", (("host", "/run/Pg"), ("sslmode", "verify-full"))),
        ),
    ],
)
def test_a_server_s_url_is_read_whole_and_shown_without_its_parameters(url: str, address: PostgresAddress) -> None:
    assert parsed(url) == address
    assert address.file is None
    if url.startswith("postgresql://"):
        assert str(address) == url.partition("?")[0]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2@db/keywright",
        "postgresql://ann:@db/keywright",
        "postgresql://ann@db/keywright?password=hunter2",
        "postgresql://ann@db/keywright?sslmode=require&sslpassword=hunter2",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(StoreError, match=r"\[store\] password = REF") as refused:
        parsed(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        *("postgresql://", "postgresql://db", "postgresql://ann@db/", "postgresql://ann@db/a/b", "postgresql://db:x/a"),
        *("postgresql://[::1/a", "postgresql://db/a?nothing", "postgresql://db/a?user=bob", "postgresql://db/a#b"),
        *("postgresql://ann@%2Frun%2FPg/keywright", "postgresql://db/a?host=b&host=c", "postgresql://:hunter2@db:x/a"),
    ],
)
def test_a_url_that_names_no_database_of_a_server_is_refused_with_the_right_form(url: str) -> None:
    with pytest.raises(StoreError, match="postgresql://USER@HOST/DATABASE") as refused:
        parsed(url)
    assert "hunter2" not in str(refused.value)
