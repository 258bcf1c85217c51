"""Anthropic's own figures: tokens by model and key, costs by model alone (no key), in cents.

Calls are not counted there. Use in the Console has no key, and what the priority tier costs is not told.
"""

from collections.abc import Generator
from datetime import date
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from keywright.reconcile.reader import (
    KEYS_MAX,
    Ask,
    Conversation,
    Figure,
    KeyHint,
    Reader,
    Told,
    decoded,
    ends,
    picodollars,
    query,
    starts,
    stop_circles,
)

CURRENCY: Final = "USD"
CENTS_PER_USD: Final = 100


class _Writes(Struct):
    ephemeral_1h_input_tokens: int = 0
    ephemeral_5m_input_tokens: int = 0


class _Usage(Struct):
    model: str | None = None
    api_key_id: str | None = None
    uncached_input_tokens: int = 0
    cache_creation: _Writes | None = None
    cache_read_input_tokens: int = 0
    output_tokens: int = 0


class _Cost(Struct):
    amount: Decimal
    currency: str
    model: str | None = None
    description: str | None = None


class _UsageBucket(Struct):
    results: list[_Usage]


class _CostBucket(Struct):
    results: list[_Cost]


class _UsagePage(Struct):
    data: list[_UsageBucket]
    next_page: str | None = None


class _CostPage(Struct):
    data: list[_CostBucket]
    next_page: str | None = None


class _Key(Struct):
    partial_key_hint: str | None = None


def read(day: date) -> Conversation:
    """All that Anthropic tells of `day`."""
    used: list[_Usage] = []
    billed: list[_Cost] = []
    pages = [""]
    while True:
        target = _target("/v1/organizations/usage_report/messages", day, ("model", "api_key_id"), pages[-1])
        usage = decoded((yield Ask(target)), _UsagePage)
        used += [result for bucket in usage.data for result in bucket.results]
        if not usage.next_page:
            break
        stop_circles(pages, usage.next_page)
    pages = [""]
    while True:
        target = _target("/v1/organizations/cost_report", day, ("description",), pages[-1])
        cost = decoded((yield Ask(target)), _CostPage)
        billed += [result for bucket in cost.data for result in bucket.results]
        if not cost.next_page:
            break
        stop_circles(pages, cost.next_page)
    keys = yield from _keys(used)
    return Told((*map(_tokens, used), *map(_money, billed)), keys)


def _target(path: str, day: date, groups: tuple[str, ...], page: str) -> str:
    return query(
        path,
        ("starting_at", f"{starts(day):%Y-%m-%dT%H:%M:%SZ}"),
        ("ending_at", f"{ends(day):%Y-%m-%dT%H:%M:%SZ}"),
        ("bucket_width", "1d"),
        *(("group_by[]", group) for group in groups),
        ("limit", "1"),
        ("page", page),
    )


def _keys(used: list[_Usage]) -> Generator[Ask, bytes | None, tuple[KeyHint, ...]]:
    """The ends of the text of every key that was used, as far as it is still known."""
    hints = []
    for key in tuple(dict.fromkeys(each.api_key_id for each in used if each.api_key_id))[:KEYS_MAX]:
        body = yield Ask(f"/v1/organizations/api_keys/{quote(key or '', safe='')}", may_be_absent=True)
        if body is not None:
            hints.append(KeyHint(key or "", decoded(body, _Key).partial_key_hint or ""))
    return tuple(hints)


def _tokens(usage: _Usage) -> Figure:
    writes = usage.cache_creation or _Writes()
    cached = writes.ephemeral_1h_input_tokens + writes.ephemeral_5m_input_tokens + usage.cache_read_input_tokens
    return Figure(
        model=usage.model or "",
        key=usage.api_key_id or "",
        input_tokens=usage.uncached_input_tokens + cached,
        output_tokens=usage.output_tokens,
    )


def _money(cost: _Cost) -> Figure:
    if cost.currency != CURRENCY:
        raise ValueError(f"the provider tells a cost in {cost.currency}, not in US dollars")
    return Figure(cost.model or cost.description or "", "", cost=picodollars(cost.amount / CENTS_PER_USD))


ANTHROPIC: Final = Reader(
    key_kind="an admin key of the organisation (sk-ant-admin…), which its admins make at Settings, Admin keys",
    key_variable="ANTHROPIC_ADMIN_KEY",
    read=read,
    remarks=(
        "Anthropic tells costs by model only: where other keys used a model as well, its cost cannot be compared.",
        "Anthropic counts no calls, and does not tell what the priority tier costs.",
    ),
)
