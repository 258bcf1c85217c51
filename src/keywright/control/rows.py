"""From nouns to the rows that answers show."""

from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec.structs import asdict

from keywright.control import resources as shown
from keywright.core.budget import Budget, Limit
from keywright.core.clock import SECOND_US
from keywright.core.entry import Entry
from keywright.core.identity import Key, Member, Project, ServiceAccount, Tags, User
from keywright.core.money import to_usd
from keywright.core.rotation import Rotation
from keywright.store.key_ring import KnownKey
from keywright.store.standing import BudgetStanding


def moment(at_s: int | None) -> str | None:
    """Unix seconds as RFC 3339, UTC."""
    return None if at_s is None else time_of(at_s)


def time_of(at_s: int) -> str:
    """Unix seconds as RFC 3339, UTC."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def project_row(project: Project) -> shown.ProjectRow:
    """A project."""
    return shown.ProjectRow(
        name=project.name,
        title=project.title,
        models=project.models,
        endpoints=project.endpoints,
        cidrs=tuple(map(str, project.cidrs)),
        allow_unpriced=project.allow_unpriced,
        tags=dict(project.tags),
        created=time_of(project.created_s),
        archived=moment(project.archived_s),
        declared=project.declared,
        version=project.version,
    )


def member_row(member: Member) -> shown.MemberRow:
    """A member."""
    return shown.MemberRow(member.project, member.user, member.role)


def user_row(user: User, members: Iterable[Member]) -> shown.UserRow:
    """A user, with those of `members` that are theirs."""
    return shown.UserRow(
        name=user.name,
        email=user.email,
        role=user.role,
        projects=tuple(shown.RoleOn(each.project, each.role) for each in members if each.user == user.name),
        tags=dict(user.tags),
        created=time_of(user.created_s),
        disabled=moment(user.disabled_s),
        version=user.version,
    )


def service_account_row(account: ServiceAccount) -> shown.ServiceAccountRow:
    """A service account."""
    return shown.ServiceAccountRow(
        name=account.name,
        project=account.project,
        title=account.title,
        tags=dict(account.tags),
        created=time_of(account.created_s),
        disabled=moment(account.disabled_s),
        version=account.version,
    )


def key_state(key: Key, now_s: int) -> shown.State:
    """What has become of a key at `now_s`."""
    if key.revoked_s is not None and key.revoked_s <= now_s:
        return "revoked"
    return "expired" if key.expires_s is not None and key.expires_s <= now_s else "active"


def key_row(known: KnownKey, now_s: int) -> shown.KeyRow:
    """A key at `now_s`."""
    key, use = known.key, known.use
    is_rotating = key.previous_until_s is not None and key.previous_until_s > now_s
    return shown.KeyRow(
        id=key.id,
        kind=key.kind,
        name=key.name,
        project=key.project,
        owner=key.owner,
        owner_kind=key.owner_kind if key.owner is not None else None,
        permission=key.permission,
        models=key.models,
        endpoints=key.endpoints,
        cidrs=tuple(map(str, key.cidrs)),
        allow_unpriced=key.allow_unpriced,
        parent=key.parent,
        tags=dict(key.tags),
        requests_per_min=key.requests_per_min,
        tokens_per_min=key.tokens_per_min,
        concurrency=key.concurrency,
        role=key.role,
        created=time_of(key.created_s),
        expires=moment(key.expires_s),
        revoked=moment(key.revoked_s),
        previous_until=moment(key.previous_until_s) if is_rotating else None,
        last_used=None if use is None else time_of(use.last_us // SECOND_US),
        last_address=None if use is None else use.address,
        state=key_state(key, now_s),
        version=key.version,
    )


def budget_row(budget: Budget, standing: BudgetStanding) -> shown.BudgetRow:
    """A budget as it stands."""
    period = standing.period
    return shown.BudgetRow(
        id=budget.id,
        on=str(budget.on),
        limit_usd=to_usd(budget.picodollars),
        spent_usd=to_usd(standing.spent),
        reserved_usd=to_usd(standing.reserved),
        available_usd=to_usd(max(0, budget.picodollars - standing.spent - standing.reserved)),
        window=budget.window,
        period_start=moment(period.start_s) if period.end_s is not None else None,
        period_end=moment(period.end_s),
        hard=budget.hard,
        thresholds=budget.thresholds,
        warned=tuple(shown.Warned(threshold, time_of(at_s)) for threshold, at_s in standing.warned),
        created=time_of(budget.created_s),
        declared=budget.declared,
        version=budget.version,
    )


def limit_row(limit: Limit) -> shown.LimitRow:
    """A limit."""
    return shown.LimitRow(
        id=limit.id,
        on=str(limit.on),
        requests_per_min=limit.requests_per_min,
        tokens_per_min=limit.tokens_per_min,
        concurrency=limit.concurrency,
        created=time_of(limit.created_s),
        declared=limit.declared,
        version=limit.version,
    )


def request_summary(entry: Entry) -> shown.RequestSummary:
    """A call, in a list."""
    return shown.RequestSummary(
        id=entry.id,
        started=started(entry),
        key=entry.key_id,
        project=entry.project,
        owner=entry.owner,
        endpoint=entry.endpoint,
        model=entry.model,
        served=entry.served,
        provider=entry.provider,
        credential=entry.credential,
        outcome=entry.outcome,
        status=entry.status,
        code=entry.code,
        input_tokens=entry.usage.input_total,
        output_tokens=entry.usage.output_total,
        cost_usd=to_usd(entry.cost_picodollars),
        total_us=entry.total_us,
    )


def request_row(entry: Entry) -> shown.RequestRow:
    """A call's whole entry."""
    return shown.RequestRow(
        id=entry.id,
        started=started(entry),
        key=entry.key_id,
        project=entry.project,
        owner=entry.owner,
        endpoint=entry.endpoint,
        model=entry.model,
        served=entry.served,
        provider=entry.provider,
        credential=entry.credential,
        outcome=entry.outcome,
        status=entry.status,
        code=entry.code,
        input_tokens=entry.usage.input_total,
        output_tokens=entry.usage.output_total,
        cost_usd=to_usd(entry.cost_picodollars),
        total_us=entry.total_us,
        dialect=entry.dialect,
        address=entry.address,
        decision=entry.decision,
        stream=entry.stream,
        verbatim=entry.verbatim,
        tags=pairs(entry.tags),
        attempts=tuple(
            shown.AttemptRow(
                provider=each.provider,
                model=each.model,
                credential=each.credential,
                result=each.result,
                status=each.status,
                took_us=each.took_us,
            )
            for each in entry.attempts
        ),
        usage=entry.usage,
        usage_source=entry.usage_source,
        price=entry.price,
        reserved_usd=to_usd(entry.reserved_picodollars),
        reserved=entry.reserved,
        charged=entry.charged,
        losses=entry.losses,
        first_byte_us=entry.first_byte_us,
        overhead_us=entry.overhead_us,
    )


def replacement_summary(rotation: Rotation) -> shown.ReplacementSummary:
    """A rotation of a provider's key, in a list."""
    return shown.ReplacementSummary(
        id=rotation.id,
        credential=rotation.credential,
        provider=rotation.provider,
        driver=rotation.driver,
        state=rotation.state,
        step=rotation.step,
        by=rotation.by,
        reason=rotation.reason,
        began=time_of(rotation.began_s),
        step_since=time_of(rotation.step_s),
        due=moment(rotation.due_s or None),
        ended=moment(rotation.ended_s or None),
        failures=rotation.failures,
        trouble=rotation.trouble,
        old=rotation.old,
        new=rotation.new,
        expires=moment(rotation.expires_s or None),
        back_why=rotation.back_why,
        insisted=rotation.insisted,
    )


def replacement_row(rotation: Rotation) -> shown.ReplacementRow:
    """A rotation of a provider's key, with all that has happened."""
    past = tuple(shown.PastRow(time_of(each.at_us // SECOND_US), each.step, each.what) for each in rotation.past)
    return shown.ReplacementRow(**asdict(replacement_summary(rotation)), past=past)


def started(entry: Entry) -> str:
    """When a call began, to the microsecond."""
    seconds, micros = divmod(entry.started_us, SECOND_US)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{micros:06d}Z"


def pairs(tags: Tags) -> dict[str, str]:
    """Tags as an object; of several by one name the last."""
    return dict(tags)
