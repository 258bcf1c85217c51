"""From genai-prices' data to ours. Used when a release is built and when an operator refreshes the prices.

Taken over: every vendor, every model, how names match, prices with tiers and times, what service tiers cost. Left out,
because no unit of our usage vector could be charged for it: the prices of `NOT_COUNTED`; because no answer tells it:
variants by anything but `TIERS` (the route within a gateway, the kind of search). A model that has no price per token
afterwards has none.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct, field

from keywright.catalog.quote import FIELDS, PER_PIECE, TierQuote
from keywright.catalog.snapshot import Match, ModelRow, Row, Section, Snapshot, Variant

DATA_URL: Final = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
"""Where the project publishes its data, which it does not sign."""

COUNTED: Final[Mapping[str, str]] = {
    "input_mtok": "input",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
    "cache_audio_read_mtok": "audio_cache_read",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
    "web_searches_kcount": "search",
    "requests_kcount": "request",
}
"""genai-prices' name of a price → ours."""

NOT_COUNTED: Final = frozenset(
    {
        "audio_hours",
        "cache_image_read_mtok",
        "input_annotated_document_kpages",
        "input_audio_hours",
        "input_document_kpages",
        "input_mchars",
        "input_text_messages_kcount",
        "input_video_mtok",
        "output_citation_mtok",
        "output_video_mtok",
        "storage_searches_kcount",
    }
)
"""Prices of units that `core/usage.py` has no leaf for. A new name in neither table fails a test, not an update."""

TIERS: Final = ("service_tier", "speed", "processing")
"""By what a variant of a price is chosen whose word is a service tier: `flex`, `priority`, `fast`, `batch`."""

FINEST: Final = Decimal("0.000001")
"""One picodollar per token, in USD per million: what is finer in the source is noise of its floats."""

FREE_SUFFIX: Final = ":free"
"""OpenRouter's mark of a model that costs nothing; any other model without prices is one whose price is unknown."""


class SourceTier(Struct, frozen=True):
    """`price` for calls of more than `start` prompt tokens."""

    start: int
    price: Decimal


class SourceTiers(Struct, frozen=True):
    """A price that depends on the size of the prompt."""

    base: Decimal
    tiers: tuple[SourceTier, ...]


SourcePrices: TypeAlias = dict[str, Decimal | SourceTiers]


class SourceConstraint(Struct, frozen=True):
    """When a price counts: from a day on, or within hours of the day (which carry an offset; none means UTC)."""

    start_date: str | None = None
    start_time: time | None = None
    end_time: time | None = None


class SourceConditional(Struct, frozen=True):
    """Prices with a constraint."""

    prices: SourcePrices
    constraint: SourceConstraint | None = None


class SourceVariant(Struct, frozen=True):
    """Prices that count where all of `when` is so."""

    when: dict[str, str]
    prices: SourcePrices
    constraint: SourceConstraint | None = None


class SourceClause(Struct, frozen=True):
    """A clause of a match; exactly one field is set."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any_of: tuple["SourceClause", ...] = field(default=(), name="or")
    all_of: tuple["SourceClause", ...] = field(default=(), name="and")


class SourceModel(Struct, frozen=True):
    """A model of genai-prices. What we do not take is not named."""

    id: str
    match: SourceClause
    prices: SourcePrices | list[SourceConditional]
    name: str | None = None
    context_window: int | None = None
    price_variants: list[SourceVariant] | None = None


class SourceProvider(Struct, frozen=True):
    """A provider of genai-prices."""

    id: str
    name: str
    models: tuple[SourceModel, ...]
    model_match: SourceClause | None = None
    fallback_model_providers: tuple[str, ...] | None = None


def decode(data: bytes) -> list[SourceProvider]:
    """genai-prices' published data file.

    Raises:
        ValueError: not such a file; says where.
    """
    return msgspec.json.decode(data, type=list[SourceProvider])


def snapshot(providers: Sequence[SourceProvider], source: str, as_of: str) -> Snapshot:
    """Our data, from genai-prices' `providers`. The order of a vendor's models decides a match, and is kept."""
    return Snapshot(
        as_of=as_of,
        source=source,
        catalogues=tuple(_section(provider) for provider in sorted(providers, key=lambda provider: provider.id)),
    )


def _section(provider: SourceProvider) -> Section:
    return Section(
        id=provider.id,
        title=provider.name,
        models=tuple(_model(model) for model in provider.models),
        fallbacks=provider.fallback_model_providers or (),
        own=None if provider.model_match is None else _match([provider.model_match]),
    )


def _model(model: SourceModel) -> ModelRow:
    match = _match([model.match])
    others = tuple(name for name in match.equals if name != model.id.lower())
    match = msgspec.structs.replace(match, equals=others)
    conditionals = model.prices if isinstance(model.prices, list) else [SourceConditional(model.prices)]
    free = model.id.endswith(FREE_SUFFIX)
    return ModelRow(
        id=model.id,
        title="" if model.name in {None, model.id} else str(model.name),
        context=model.context_window,
        match=None if match == Match() else match,
        prices=tuple(_row(conditional, free=free) for conditional in conditionals),
        variants=tuple(_variants(model.price_variants or ())),
    )


def _variants(variants: Sequence[SourceVariant]) -> Iterator[Variant]:
    """Those of service tiers that differ in a price that is counted. By the hour, none does."""
    for variant in variants:
        tier = next((variant.when[name] for name in TIERS if name in variant.when), "")
        if tier and len(variant.when) == 1 and variant.prices.keys() & COUNTED.keys():
            row = _row(SourceConditional(variant.prices, variant.constraint), free=False)
            assert row.between is None, f"a service tier's price depends on the hour: {variant}"
            yield Variant(tier=tier, **{name: getattr(row, name) for name in Row.__struct_fields__})


def _match(clauses: Sequence[SourceClause]) -> Match:
    """`clauses`, any of which may match, sorted by kind. Nested alternatives are alternatives as well."""
    flat = list(_flat(clauses))
    return Match(
        equals=tuple(clause.equals.lower() for clause in flat if clause.equals is not None),
        starts_with=tuple(clause.starts_with.lower() for clause in flat if clause.starts_with is not None),
        ends_with=tuple(clause.ends_with.lower() for clause in flat if clause.ends_with is not None),
        contains=tuple(clause.contains.lower() for clause in flat if clause.contains is not None),
        regex=tuple(clause.regex for clause in flat if clause.regex is not None),
        every=tuple(tuple(_match([part]) for part in clause.all_of) for clause in flat if clause.all_of),
    )


def _flat(clauses: Sequence[SourceClause]) -> Sequence[SourceClause]:
    return [inner for clause in clauses for inner in (_flat(clause.any_of) if clause.any_of else [clause])]


def _row(conditional: SourceConditional, *, free: bool) -> Row:
    base: dict[str, str] = {}
    tiers: dict[int, dict[str, str]] = {}
    for source_name, price in conditional.prices.items():
        if source_name not in COUNTED:
            continue
        name = COUNTED[source_name]
        if isinstance(price, Decimal):
            base[name] = _usd(name, price)
        else:
            base[name] = _usd(name, price.base)
            for tier in price.tiers:
                tiers.setdefault(tier.start, {})[name] = _usd(name, tier.price)
    if free and not conditional.prices:
        base = {"input": "0", "output": "0", "search": "0"}
    starts, between = _when(conditional.constraint)
    return Row(
        **{name: base[name] for name in FIELDS if name in base},
        tiers=tuple(TierQuote(above=above, **tiers[above]) for above in sorted(tiers)),
        starts=starts,
        between=between,
    )


def _when(constraint: SourceConstraint | None) -> tuple[str, tuple[str, str] | None]:
    if constraint is None:
        return "", None
    if constraint.start_time is None or constraint.end_time is None:
        return constraint.start_date or "", None
    return "", (_utc(constraint.start_time), _utc(constraint.end_time))


def _utc(moment: time) -> str:
    offset = moment.utcoffset() or timedelta()
    minutes = (moment.hour * 60 + moment.minute - offset // timedelta(minutes=1)) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _usd(name: str, price: Decimal) -> str:
    """The quote: per million tokens rounded to a picodollar per token, per piece from the source's per thousand."""
    amount = price / 1000 if name in PER_PIECE else price.quantize(FINEST, rounding=ROUND_HALF_EVEN)
    return f"{amount.normalize():f}"
