"""From what an operator asks a re-rating for, to the run; and from a run to what revises its entries."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from keywright import providers
from keywright.catalog.catalogue import Catalogue
from keywright.catalog.rerating import Correction, Prices, rerated
from keywright.catalog.rowid import OWN, constant_price
from keywright.catalog.snapshot import Snapshot
from keywright.config import Config
from keywright.core.entry import Entry
from keywright.house.sources import own_prices
from keywright.store.price_lists import Archive
from keywright.store.reratings import Revise, Span

NOT_CHOSEN: Final = "another model"


def span_of(config: Config, since_us: int, until_us: int, model: str, as_of: str) -> Span:
    """The run that rates by the list of `as_of`, or by the operator's own prices where that is "".

    Fees and catalogues of the providers are those of `config` now: the run keeps them, and the prices.

    Raises:
        ConfigError: a price of the operator's is wrong.
    """
    kinds = {name: providers.find(given.kind or name) for name, given in config.providers.items()}
    known = {name: row for name, row in kinds.items() if row is not None}
    return Span(
        since_us=since_us,
        until_us=until_us,
        as_of=as_of,
        own=() if as_of else tuple(price.id for price in own_prices(config.prices).values()),
        model=model,
        fees={name: row.byok_fee_bp for name, row in known.items() if config.providers[name].byok},
        catalogues=_catalogues({name: row.catalogue for name, row in known.items()}),
    )


def reviser(span: Span, listed: Snapshot | None, archive: Archive) -> Revise:
    """What revises the entries of `span`. `listed`: the list of its date."""
    prices = Prices(
        listed=None if listed is None else Catalogue(listed),
        own={id_.partition(OWN)[0]: price for id_ in span.own if (price := constant_price(id_)) is not None},
        fees=span.fees,
        catalogues=span.catalogues,
    )
    known = archive.price

    def revise(entry: Entry) -> Correction | str:
        return rerated(entry, prices, known) if fnmatchcase(entry.served, span.model) else NOT_CHOSEN

    return revise


def _catalogues(configured: Mapping[str, str | None]) -> dict[str, str]:
    """The catalogue of every provider whose catalogue has another name."""
    built_in = {row.name: row.catalogue for row in providers.PROVIDERS}
    return {
        name: catalogue for name, catalogue in {**built_in, **configured}.items() if catalogue and catalogue != name
    }
