"""The catalogue's data file: its form, and how it is read.

`data/catalogue.json` is our own file, made from genai-prices by `importer.py`. One line per model, so that a change of
prices is a diff that people can read. Amounts are decimal strings and are not even parsed before a model is asked for:
the whole file is read in a few milliseconds.
"""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from keywright.catalog.quote import Quote, TierQuote

DATA_FILE: Final = Path(__file__).parent / "data" / "catalogue.json"


class Match(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Names that mean the same model: those that satisfy any of the clauses. All but `regex` are lower case.

    `every`: groups of which all members must match.
    """

    equals: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()
    ends_with: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    every: tuple[tuple["Match", ...], ...] = ()


class Row(Quote, frozen=True, omit_defaults=True, kw_only=True):
    """A price and when it counts.

    `starts`: the UTC day from which it does, `2026-09-01`; "" from the beginning. `between`: only within these hours
    of a UTC day, `["16:30", "00:30"]`, the end exclusive, over midnight if the end is the smaller.
    """

    tiers: tuple[TierQuote, ...] = ()
    starts: str = ""
    between: tuple[str, str] | None = None


class Variant(Row, frozen=True, omit_defaults=True, kw_only=True):
    """What a service tier costs, where that differs. What it leaves out stays as in the price of that moment."""

    tier: str


class ModelRow(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One model of one catalogue. Of several `prices` the last that counts at a moment is the price, else the first.
    Of several `variants` of one tier that count, the first that quotes a field decides.

    `context` is the context window in tokens. `match` tells the model's other names; its id always matches it.
    """

    id: str
    title: str = ""
    context: int | None = None
    match: Match | None = None
    prices: tuple[Row, ...] = ()
    variants: tuple[Variant, ...] = ()


class Section(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One catalogue: what one vendor offers.

    `fallbacks`: catalogues that are asked next, because this vendor offers their models too. `own`: model names that
    are this vendor's by right (it makes the model). The first of `models` that matches a name is the model.
    """

    id: str
    title: str
    models: tuple[ModelRow, ...]
    fallbacks: tuple[str, ...] = ()
    own: Match | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything that was known on the day `as_of` (UTC, ISO), taken from `source`."""

    as_of: str
    source: str
    catalogues: tuple[Section, ...]


def decode(data: bytes) -> Snapshot:
    """The snapshot that `data` holds.

    Raises:
        ValueError: not such a file; says where.
    """
    return msgspec.json.decode(data, type=Snapshot)


def encode(snapshot: Snapshot) -> bytes:
    """The file of `snapshot`: JSON with one model per line."""
    json = msgspec.json.encode
    sections = []
    for section in snapshot.catalogues:
        head = json(msgspec.structs.replace(section, models=()))
        models = b",\n".join(json(model) for model in section.models)
        sections.append(head.replace(b'"models":[]', b'"models":[\n' + models + b"\n]", 1))
    head = b'{"as_of":%s,"source":%s,"catalogues":[\n' % (json(snapshot.as_of), json(snapshot.source))
    return head + b",\n".join(sections) + b"\n]}\n"


def bundled() -> Snapshot:
    """The snapshot of this release."""
    return decode(DATA_FILE.read_bytes())
