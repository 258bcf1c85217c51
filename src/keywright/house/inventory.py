"""The inventory of credentials: where each lives, what its key is, how old, who uses it, and what it cost."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from keywright.core.clock import SECOND_US
from keywright.core.money import to_usd
from keywright.core.rotation import CredentialFacts
from keywright.house.house import House
from keywright.house.proving import prove
from keywright.pipeline.routes import Source
from keywright.store.reports import Reports
from keywright.vault.held import HeldCredential

DAY_S: Final = 86_400


class CredentialRow(Struct, frozen=True):
    """One credential. Times are as ISO 8601 (UTC), None for never or unknown. `lives_at`: the references of its key, or
    how it does without. `used_by`: the projects whose calls used it this month.
    """

    name: str
    provider: str
    lives_at: tuple[str, ...]
    fingerprint: str
    version: str
    kind: str
    age_days: int | None
    last_use: str | None
    last_verified: str | None
    verdict: str
    expires: str | None
    used_by: tuple[str, ...]
    calls_this_month: int
    cost_this_month_usd: str
    project: str
    models: tuple[str, ...]
    weight: int | None
    state: str


async def inventory(house: House, now_s: int) -> list[CredentialRow]:
    """All of them, by name.

    Raises:
        StoreError: the database cannot be read.
    """
    facts = {known.name: known for known in await house.rotating.states.all()}
    reports = Reports(house.store.database)
    places = house.places()
    rows = []
    for name, source in sorted(house.sources().items()):
        known = facts.get(name, CredentialFacts(name))
        uses = await reports.credential_uses(source.credential.fingerprint, _month_s(now_s), now_s + 1)
        rows.append(
            CredentialRow(
                name=name,
                provider=source.name,
                lives_at=places.get(name, ("no key: signs in as the workload",)),
                fingerprint=source.credential.fingerprint,
                version=source.credential.version if isinstance(source.credential, HeldCredential) else "",
                kind=known.kind,
                age_days=(now_s - known.since_s) // DAY_S if known.since_s else None,
                last_use=_moment(max((use.last_s for use in uses.uses), default=0)),
                last_verified=_moment(known.verified_s),
                verdict=known.verdict,
                expires=_moment(known.expires_s),
                used_by=tuple(sorted({use.project for use in uses.uses})),
                calls_this_month=sum(use.calls for use in uses.uses),
                cost_this_month_usd=to_usd(sum(use.cost_picodollars for use in uses.uses)),
                project=source.project,
                models=source.models,
                weight=source.weight,
                state=_state(house, source),
            )
        )
    return rows


async def verify_all(house: House) -> None:
    """Ask each provider whether it accepts its key, and write down what it says.

    Raises:
        StoreError: that cannot be written.
    """
    for name, source in house.sources().items():
        verdict = await prove(source, house.pool, is_moved=house.is_moved(source.name))
        now_s = house.blueprint.clock.unix_us() // SECOND_US

        def change(known: CredentialFacts, life: str = verdict.life, now_s: int = now_s) -> CredentialFacts:
            verified_s = now_s if life == "live" else known.verified_s
            return replace(known, looked_s=now_s, verdict=life, verified_s=verified_s)

        await house.rotating.states.note(name, change)


def _state(house: House, source: Source) -> str:
    if house.snapshot.routes.is_disabled(source):
        return "disabled"
    if isinstance(source.credential, HeldCredential) and not source.credential.is_ready:
        return "its key cannot be read"
    return "in use"


def _month_s(now_s: int) -> int:
    """When this month began."""
    now = datetime.fromtimestamp(now_s, UTC)
    return int(datetime(now.year, now.month, 1, tzinfo=UTC).timestamp())


def _moment(at_s: int) -> str | None:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}" if at_s else None
