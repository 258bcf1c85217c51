"""Routes to providers as the inventory has them, for tests that ask where a name leads and what it costs."""

from collections.abc import Mapping

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.price import Price
from keywright.catalog.snapshot import bundled
from keywright.core.http import Origin, Reach
from keywright.pipeline.routes import Routes, Source
from keywright.providers import find
from keywright.transport.breaker import Breaker, BreakerSettings
from keywright.vault.credential import NoCredential

NOWHERE = Reach(Origin("https", "stand.in", 443))


def source(name: str, settings: Mapping[str, str] | None = None, fee_bp: int = 0, kind: str = "") -> Source:
    """The provider `name`, of that kind if it is not one of its own, without a key."""
    row = find(kind or name)
    assert row is not None, name
    return Source(
        name=name,
        row=row,
        reach=NOWHERE,
        base_path="",
        credential=NoCredential(name),
        breaker=Breaker(BreakerSettings()),
        settings=settings or {},
        fee_bp=fee_bp,
    )


def routes(*sources: Source, own: Mapping[str, Price] | None = None) -> Routes:
    """Routes to `sources`, with the release's catalogue and the operator's `own` prices."""
    return Routes(sources, {}, Catalogue(bundled(), own))
