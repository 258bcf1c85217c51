"""What it means to read a provider's own figures: a conversation of plain data, without IO.

A reader is a generator: it yields what to ask next, is sent the answer's body, and returns what it was told. So paging
and the order of questions are in one place per provider, and are tested without a socket; retries, credentials and
limits of HTTP are one caller's (`house/figures.py`).

Tokens are totals, cached ones included, as the ledger's columns have them; money is picodollars.
"""

from collections.abc import Callable, Generator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

PAGES_MAX: Final = 200
"""Of one listing: more is a server that goes in circles."""

KEYS_MAX: Final = 500
"""How many keys one report looks up by themselves."""

PICODOLLARS: Final = Decimal(10**12)

T = TypeVar("T")


class Ask(Struct, frozen=True):
    """A GET of `target`, below the provider's address. `may_be_absent`: 404 is an answer, which is sent as None."""

    target: str
    may_be_absent: bool = False


class Figure(Struct, frozen=True):
    """What one key used of one model. `key`: the provider's id of it, "" where it tells none; `model`: its name for it.

    None: not told by this row. `cost` may come in a row of its own, without tokens.
    """

    model: str
    key: str
    calls: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int | None = None


class KeyHint(Struct, frozen=True):
    """What a provider tells of a key: its id, the ends of its text (`sk-abc…wxyz`), its SHA-256 in hexadecimal."""

    id: str
    redacted: str = ""
    sha256: str = ""


class Told(Struct, frozen=True):
    """All that a provider told of a day."""

    figures: tuple[Figure, ...]
    keys: tuple[KeyHint, ...] = ()


Conversation: TypeAlias = Generator[Ask, bytes | None, Told]


class Reader(Struct, frozen=True):
    """How one kind of provider is read.

    `key_kind`: what its administration API wants, in words; `key_variable` where people keep it. `days_back_max`: how
    old a day it still tells (None: any). `completed_only`: it tells of days that are over. `remarks`: what a reader of
    the comparison must know.
    """

    key_kind: str
    key_variable: str
    read: Callable[[date], Conversation]
    days_back_max: int | None = None
    completed_only: bool = False
    remarks: tuple[str, ...] = ()


def query(path: str, *fields: tuple[str, str]) -> str:
    """`path` with a query of `fields`, in their order; those without a value are left out."""
    return f"{path}?{urlencode([(name, value) for name, value in fields if value])}"


def decoded(body: bytes | None, kind: type[T]) -> T:
    """The answer as `kind`. Numbers of money may be written as strings.

    Raises:
        ValueError: it is none.
    """
    try:
        return msgspec.json.decode(body or b"", type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the provider's answer is none that is known: {error}") from None


def picodollars(usd: Decimal) -> int:
    """`usd`, rounded to a picodollar: providers tell floats.

    Raises:
        ValueError: it is no amount.
    """
    if not usd.is_finite() or abs(usd) > 10**12:
        raise ValueError(f"the provider tells a cost of {usd}")
    return int((usd * PICODOLLARS).to_integral_value())


def starts(day: date) -> datetime:
    """Midnight, UTC, at which `day` begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def ends(day: date) -> datetime:
    """Midnight, UTC, at which it ends."""
    return starts(day) + timedelta(days=1)


def stop_circles(pages: list[str], page: str) -> None:
    """Note `page`, which comes next.

    Raises:
        ValueError: it was there already, or there are too many.
    """
    if page in pages or len(pages) >= PAGES_MAX:
        raise ValueError(f"the provider's pages do not end (after {len(pages) + 1})")
    pages.append(page)
