"""Why was this call served so, or refused, and why does it cost that? By the ledger's entry, and what is known."""

from collections.abc import Mapping

from msgspec import Struct

from keywright.catalog.price import Price
from keywright.core.budget import Budget
from keywright.core.entry import Entry, Outcome
from keywright.core.identity import Key
from keywright.core.money import to_usd
from keywright.inquiry.charge import Charge, charge_of
from keywright.inquiry.words import meaning, moment, moment_us


class Caller(Struct, frozen=True):
    """Who called. `key_name` is "" when the key is not known any more."""

    key: str
    key_name: str
    project: str
    owner: str
    address: str
    tags: dict[str, str]


class Wanted(Struct, frozen=True):
    """What was asked for."""

    dialect: str
    endpoint: str
    model: str
    stream: bool


class Verdict(Struct, frozen=True):
    """What came of it. `rule` decided, which means `meaning`; `code` is that of the client's error, "" for none."""

    outcome: Outcome
    status: int
    code: str
    rule: str
    meaning: str


class Try(Struct, frozen=True):
    """One attempt. `status`: the provider's, 0 where there was no answer."""

    provider: str
    model: str
    credential: str
    result: str
    status: int
    took_us: int


class Share(Struct, frozen=True):
    """What a budget had to do with it. `on` is "" when the budget is not known any more.

    `reserved`: the worst case was taken of it; `charged`: the cost counts in it. `since`: where its period begins, null
    for one without a beginning, or a rolling one.
    """

    budget: str
    on: str
    window: str
    since: str | None
    reserved: bool
    charged: bool


class Times(Struct, frozen=True):
    """When, and how long. `overhead_us` is what the gateway itself took."""

    started: str
    first_byte_us: int
    total_us: int
    overhead_us: int


class Explanation(Struct, frozen=True):
    """All of one call. `served` is the model that answered, "" when none did; `reserved_usd` its worst case."""

    id: str
    caller: Caller
    wanted: Wanted
    verdict: Verdict
    served: str
    verbatim: bool
    attempts: tuple[Try, ...]
    charge: Charge
    reserved_usd: str
    budgets: tuple[Share, ...]
    losses: tuple[str, ...]
    times: Times


class Known(Struct, frozen=True, eq=False):
    """What is known beside the entry: the key, the budgets by id, the price row, the fee of the provider's gateway."""

    key: Key | None = None
    budgets: Mapping[str, Budget] = {}
    price: Price | None = None
    fee_bp: int = 0


def explain(entry: Entry, known: Known) -> Explanation:
    """The explanation of the call that `entry` records."""
    accounts = dict.fromkeys((*entry.reserved, *entry.charged))
    return Explanation(
        id=entry.id,
        caller=Caller(
            key=entry.key_id,
            key_name=known.key.name if known.key is not None else "",
            project=entry.project,
            owner=entry.owner,
            address=entry.address,
            tags=dict(entry.tags),
        ),
        wanted=Wanted(entry.dialect, entry.endpoint, entry.model, entry.stream),
        verdict=Verdict(
            outcome=entry.outcome,
            status=entry.status,
            code=entry.code,
            rule=entry.decision,
            meaning=meaning(entry.decision, allowed=entry.outcome != "refused") if entry.decision else "",
        ),
        served=entry.served,
        verbatim=entry.verbatim,
        attempts=tuple(
            Try(one.provider, one.model, one.credential, one.result, one.status, one.took_us) for one in entry.attempts
        ),
        charge=charge_of(
            entry.usage, entry.usage_source, entry.price, entry.cost_picodollars, known.price, known.fee_bp
        ),
        reserved_usd=to_usd(entry.reserved_picodollars),
        budgets=tuple(_share(account, entry, known.budgets) for account in accounts),
        losses=entry.losses,
        times=Times(moment_us(entry.started_us), entry.first_byte_us, entry.total_us, entry.overhead_us),
    )


def _share(account: str, entry: Entry, budgets: Mapping[str, Budget]) -> Share:
    """An account is `BUDGET@START_S`, `BUDGET@0` where it has no beginning, `BUDGET@+LENGTH_S` where it rolls."""
    budget_id, _, start = account.rpartition("@")
    budget = budgets.get(budget_id)
    begins = start.isdigit() and int(start) > 0
    return Share(
        budget=budget_id,
        on=str(budget.on) if budget is not None else "",
        window=budget.window if budget is not None else "",
        since=moment(int(start)) if begins else None,
        reserved=account in entry.reserved,
        charged=account in entry.charged,
    )
