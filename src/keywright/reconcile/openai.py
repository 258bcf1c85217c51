"""OpenAI's own figures: usage by model and key from one endpoint per kind of call, costs by line item and key.

A cost's line item is `gpt-4o-2024-08-06, cached input`: the model, then what of it. One without a comma is no model's
(`web search tool calls`) and stands by itself. Keys are told by id only, so each that was used is looked up once in its
project, for the ends of its text.
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

USAGES: Final = ("completions", "embeddings", "moderations", "images", "audio_speeches", "audio_transcriptions")
CURRENCY: Final = "usd"


class _Amount(Struct):
    value: Decimal
    currency: str


class _Result(Struct):
    model: str | None = None
    api_key_id: str | None = None
    project_id: str | None = None
    num_model_requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    amount: _Amount | None = None
    line_item: str | None = None


class _Bucket(Struct):
    results: list[_Result]


class _Page(Struct):
    data: list[_Bucket]
    next_page: str | None = None


class _Key(Struct):
    redacted_value: str


def read(day: date) -> Conversation:
    """All that OpenAI tells of `day`."""
    used: list[_Result] = []
    for usage in USAGES:
        used += yield from _results(f"/organization/usage/{usage}", day, ("model", "api_key_id", "project_id"))
    billed = yield from _results("/organization/costs", day, ("line_item", "api_key_id", "project_id"))
    keys = yield from _keys([*used, *billed])
    return Told((*map(_usage, used), *map(_cost, billed)), keys)


def _results(path: str, day: date, groups: tuple[str, ...]) -> Generator[Ask, bytes | None, list[_Result]]:
    found: list[_Result] = []
    pages = [""]
    while True:
        target = query(
            path,
            ("start_time", str(int(starts(day).timestamp()))),
            ("end_time", str(int(ends(day).timestamp()))),
            ("bucket_width", "1d"),
            *(("group_by", group) for group in groups),
            ("limit", "1"),
            ("page", pages[-1]),
        )
        page = decoded((yield Ask(target)), _Page)
        found += [result for bucket in page.data for result in bucket.results]
        if not page.next_page:
            return found
        stop_circles(pages, page.next_page)


def _keys(results: list[_Result]) -> Generator[Ask, bytes | None, tuple[KeyHint, ...]]:
    """The ends of the text of every key that was used, as far as it still exists."""
    hints = []
    used = dict.fromkeys((each.project_id, each.api_key_id) for each in results if each.project_id and each.api_key_id)
    for project, key in tuple(used)[:KEYS_MAX]:
        path = f"/organization/projects/{quote(project or '', safe='')}/api_keys/{quote(key or '', safe='')}"
        body = yield Ask(path, may_be_absent=True)
        if body is not None:
            hints.append(KeyHint(key or "", decoded(body, _Key).redacted_value))
    return tuple(hints)


def _usage(result: _Result) -> Figure:
    return Figure(
        model=result.model or "",
        key=result.api_key_id or "",
        calls=result.num_model_requests,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
    )


def _cost(result: _Result) -> Figure:
    amount = result.amount
    if amount is None or amount.currency.lower() != CURRENCY:
        raise ValueError(f"the provider tells a cost in {amount.currency if amount else 'nothing'}, not in US dollars")
    item = result.line_item or ""
    return Figure(item.rpartition(", ")[0] or item, result.api_key_id or "", cost=picodollars(amount.value))


OPENAI: Final = Reader(
    key_kind="an admin key of the organisation (sk-admin-…), which its owners make at Settings, Admin keys",
    key_variable="OPENAI_ADMIN_KEY",
    read=read,
    remarks=("OpenAI counts a call in the day in which it ended, and its figures may lag for some hours.",),
)
