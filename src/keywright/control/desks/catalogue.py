"""What can be called and what it costs: models, prices and providers, as the gateway has them now."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from keywright.catalog.price import Price, Rates
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.paging import Part, page
from keywright.control.resources import (
    CredentialRow,
    ModelRow,
    Page,
    PriceRow,
    ProviderRow,
    RatesRow,
)
from keywright.core.errors import ChangeRefusedError
from keywright.core.money import to_usd
from keywright.pipeline.routes import Routes, Source, Target

TOKENS_PER_QUOTE: Final = 10**6
PER_PIECE: Final = frozenset({"search", "request"})
OWN: Final = "@own;"
"""In the id of a price that the operator wrote (`catalog.quote.own_price`)."""
PERCENT_PER_BP: Final = 100


class Catalogue:
    """The models, prices and providers of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._blueprint = blueprint

    def models(self, by: Actor, part: Part) -> Page[ModelRow]:
        """Every name that can be asked for: aliases, then models."""
        by.require("models.read")
        routes, now_s = self._routes(), self._blueprint.now_s()
        names = _behind(routes.names(), part)
        return page(names, part, lambda name: _model(routes, name, now_s), lambda name: name)

    def model(self, by: Actor, name: str) -> ModelRow:
        """One."""
        by.require("models.read")
        routes = self._routes()
        if not routes.find(name):
            near = ", ".join(routes.nearest(name, routes.names()))
            raise ChangeRefusedError(
                "not_found", f"there is no model {name!r}" + (f"; near it: {near}" if near else "")
            )
        return _model(routes, name, self._blueprint.now_s())

    def prices(self, by: Actor, part: Part, glob: str | None, *, own: bool) -> Page[PriceRow]:
        """What models cost now, by `provider/model`; those that `glob` matches; `own`: the operator's prices only."""
        by.require("prices.read")
        routes, now_s = self._routes(), self._blueprint.now_s()
        wanted = part.wanted
        found: list[PriceRow] = []
        for row in _prices(routes, glob, part.after, now_s):
            if not own or row.own:
                found.append(row)
            if len(found) == wanted:
                break
        return page(found, part, lambda row: row, lambda row: row.model)

    def providers(self, by: Actor, part: Part) -> Page[ProviderRow]:
        """The providers as they are configured, without their secrets."""
        by.require("providers.read")
        sources: dict[str, list[Source]] = {}
        for source in self._routes().inventory:
            sources.setdefault(source.name, []).append(source)
        names = _behind(tuple(sorted(sources)), part)
        return page(names, part, lambda name: _provider(sources[name]), lambda name: name)

    def provider(self, by: Actor, name: str) -> ProviderRow:
        """One."""
        by.require("providers.read")
        sources = [source for source in self._routes().inventory if source.name == name]
        if not sources:
            raise ChangeRefusedError("not_found", f"the provider {name!r} is not configured")
        return _provider(sources)

    def _routes(self) -> Routes:
        return self._blueprint.snapshot().routes


def _behind(names: tuple[str, ...], part: Part) -> tuple[str, ...]:
    """The names of a part, in their own order."""
    wanted = part.wanted
    if not part.after:
        return names[:wanted]
    if part.after not in names:
        raise ChangeRefusedError("invalid", f"{part.after!r} is not in this list", "after")
    start = names.index(part.after) + 1
    return names[start : start + wanted]


def _model(routes: Routes, name: str, now_s: int) -> ModelRow:
    targets = routes.find(name)
    windows = [target.abilities.context_tokens_max for target in targets]
    known = [window for window in windows if window is not None]
    return ModelRow(
        name=name,
        route=tuple(target.name for target in routes.aliased(name)),
        context_tokens=min(known) if known and len(known) == len(windows) else None,
        priced=bool(targets) and all(routes.price_of(target, now_s) is not None for target in targets),
    )


def _prices(routes: Routes, glob: str | None, after: str, now_s: int) -> Iterator[PriceRow]:
    for name in sorted(name for name in routes.names() if name not in routes.aliases and name > after):
        if glob is not None and not fnmatchcase(name, glob):
            continue
        targets = routes.find(name)
        price = routes.price_of(targets[0], now_s) if targets else None
        if price is not None:
            yield _price(targets[0], price)


def _price(target: Target, price: Price) -> PriceRow:
    fee, rest = divmod(target.source.fee_bp, PERCENT_PER_BP)
    return PriceRow(
        model=target.name,
        row=price.id,
        own=OWN in price.id,
        fee_percent=f"{fee}.{rest:02d}",
        rates=(_rates(0, price.rates), *(_rates(tier.above, tier.rates) for tier in price.tiers)),
    )


def _rates(above: int, rates: Rates) -> RatesRow:
    names = (name for name in RatesRow.__struct_fields__ if name != "above")
    quoted = {name: getattr(rates, name) * (1 if name in PER_PIECE else TOKENS_PER_QUOTE) for name in names}
    return RatesRow(above=above, **{name: to_usd(amount) for name, amount in quoted.items()})


def _provider(sources: list[Source]) -> ProviderRow:
    first = sources[0]
    origin = first.reach.origin
    return ProviderRow(
        name=first.name,
        title=first.row.title,
        address=f"{origin.scheme}://{origin.host}:{origin.port}{first.base_path}",
        credentials=tuple(CredentialRow(each.credential.fingerprint, each.credential.renews) for each in sources),
        models=first.serves,
        endpoints=tuple(dict.fromkeys(endpoint.kind for endpoint in first.row.endpoints)),
    )
