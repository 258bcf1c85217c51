"""The inventory of credentials: where each lives, what its key is, how old, who uses it, and what it cost."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from keywright.control.custodian import CredentialFilter
from keywright.control.resources import CredentialState, DueReason, InventoryRow
from keywright.control.rows import moment
from keywright.core.clock import SECOND_US, Clock
from keywright.core.money import to_usd
from keywright.core.rotation import CredentialFacts
from keywright.house.custody.rotations import Rotating
from keywright.pipeline.routes import Source
from keywright.store.database import Database
from keywright.store.reports import Reports
from keywright.vault.held import HeldCredential
from keywright.vault.renewal import RenewingCredential

DAY_S: Final = 86_400
FEDERATED: Final = "federated"
NO_PLACE: Final = ("no key: signs in as the workload",)


class Known(Struct, frozen=True):
    """What is known of credentials, each by name: where they come from; of the database facts, why they are due, the
    rotation that goes on.
    """

    homes: Mapping[str, tuple[str, ...]]
    facts: Mapping[str, CredentialFacts]
    due: Mapping[str, DueReason]
    running: Mapping[str, str]

    def of(self, name: str) -> CredentialFacts:
        """The facts of one."""
        return self.facts.get(name) or CredentialFacts(name)


class Inventory:
    """The credentials of one gateway. `homes` gives where they come from, by their names, and may block on a disk.

    Every method raises StoreError when the database cannot be read.
    """

    def __init__(
        self,
        rotating: Rotating,
        homes: Callable[[], Mapping[str, tuple[str, ...]]],
        database: Database,
        clock: Clock,
    ) -> None:
        self._homes = homes
        self._rotating = rotating
        self._reports = Reports(database)
        self._clock = clock

    async def page(self, which: CredentialFilter, after: str, limit: int) -> list[InventoryRow]:
        """Up to `limit` of them, by name, behind the name `after`."""
        known = await self._known()
        found = [
            (name, source)
            for name, source in sorted(self._rotating.sources().items())
            if name > after and _fits(which, source, known)
        ]
        return [await self._row(name, source, known) for name, source in found[:limit]]

    async def row(self, name: str, source: Source) -> InventoryRow:
        """One of them."""
        return await self._row(name, source, await self._known())

    async def _known(self) -> Known:
        rotating = self._rotating
        return Known(
            await asyncio.to_thread(self._homes),
            {known.name: known for known in await rotating.states.all()},
            {one.credential: one.reason for one in await rotating.due()},
            {one.credential: one.id for one in await rotating.rotations.running()},
        )

    async def _row(self, name: str, source: Source, known: Known) -> InventoryRow:
        facts, now_s = known.of(name), self._clock.unix_us() // SECOND_US
        found = await self._reports.credential_uses(source.credential.fingerprint, _month_s(now_s), now_s + 1)
        last_s = max((use.last_s for use in found.uses), default=0)
        kind = _kind(source, facts)
        return InventoryRow(
            name=name,
            provider=source.name,
            lives_at=known.homes.get(name, NO_PLACE),
            fingerprint=source.credential.fingerprint,
            version=source.credential.version if isinstance(source.credential, HeldCredential) else "",
            kind=kind,
            age_days=(now_s - facts.since_s) // DAY_S if facts.since_s and kind != FEDERATED else None,
            last_use=moment(last_s or None),
            last_verified=moment(facts.verified_s or None),
            verdict=facts.verdict,
            expires=moment(_expires_s(source, facts)),
            used_by=tuple(sorted({use.project for use in found.uses})),
            calls_this_month=sum(use.calls for use in found.uses),
            cost_this_month_usd=to_usd(sum(use.cost_picodollars for use in found.uses)),
            project=source.project,
            models=source.models,
            weight=source.weight,
            state=_state(source, facts),
            disabled_by=facts.disabled_by if facts.disabled else "",
            due=known.due.get(name),
            rotation=known.running.get(name),
        )


def _fits(which: CredentialFilter, source: Source, known: Known) -> bool:
    """Whether a credential is to be listed."""
    name = source.credential_name
    return (
        which.provider in (None, source.name)
        and which.project in (None, source.project)
        and which.state in (None, _state(source, known.of(name)))
        and which.due in (None, name in known.due)
    )


def _kind(source: Source, facts: CredentialFacts) -> str:
    """What its key is; what has none of its own is known to have none before anything is written down of it."""
    return facts.kind or (FEDERATED if isinstance(source.credential, RenewingCredential) else "")


def _expires_s(source: Source, facts: CredentialFacts) -> int | None:
    """When its key runs out, or the token that this process holds in place of one."""
    held = source.credential
    if facts.expires_s or not isinstance(held, RenewingCredential) or held.expires_s is None:
        return facts.expires_s or None
    return int(held.expires_s)


def _state(source: Source, facts: CredentialFacts) -> CredentialState:
    if source.disabled or facts.disabled:
        return "disabled"
    if isinstance(source.credential, HeldCredential) and not source.credential.is_ready:
        return "unreadable"
    return "in_use"


def _month_s(now_s: int) -> int:
    """When this month began."""
    now = datetime.fromtimestamp(now_s, UTC)
    return int(datetime(now.year, now.month, 1, tzinfo=UTC).timestamp())
