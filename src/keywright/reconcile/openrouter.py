"""OpenRouter's own figures: activity by model, asked once for each key, and once for all of them.

What all have and no single key has belongs to keys that are gone, or to no key: it stands under the key "". A key's
hash is its SHA-256, so our own are recognised with certainty. With the customer's own provider key, `usage` is
OpenRouter's fee and `byok_usage_inference` what the provider takes.
"""

from collections.abc import Generator
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct

from keywright.reconcile.reader import (
    KEYS_MAX,
    PAGES_MAX,
    Ask,
    Conversation,
    Figure,
    KeyHint,
    Reader,
    Told,
    decoded,
    picodollars,
    query,
)

DAYS_BACK_MAX: Final = 30


class _Key(Struct):
    hash: str
    label: str = ""


class _Keys(Struct):
    data: list[_Key]


class _Item(Struct):
    model: str
    usage: Decimal
    requests: int
    prompt_tokens: int
    completion_tokens: int
    byok_usage_inference: Decimal = Decimal(0)


class _Activity(Struct):
    data: list[_Item]


def read(day: date) -> Conversation:
    """All that OpenRouter tells of `day`."""
    hints = yield from _keys()
    whole = yield from _activity(day, "")
    of_keys: list[Figure] = []
    for hint in hints[:KEYS_MAX]:
        of_keys += yield from _activity(day, hint.id)
    return Told((*of_keys, *_rest(whole, of_keys)), hints)


def _keys() -> Generator[Ask, bytes | None, tuple[KeyHint, ...]]:
    found: dict[str, KeyHint] = {}
    for _ in range(PAGES_MAX):
        page = decoded((yield Ask(query("/keys", ("include_disabled", "true"), ("offset", str(len(found)))))), _Keys)
        new = {key.hash: KeyHint(key.hash, key.label, key.hash) for key in page.data if key.hash not in found}
        found |= new
        if not new:
            return tuple(found.values())
    raise ValueError(f"the provider's pages do not end (after {PAGES_MAX})")


def _activity(day: date, key: str) -> Generator[Ask, bytes | None, list[Figure]]:
    body = yield Ask(query("/activity", ("date", day.isoformat()), ("api_key_hash", key)))
    return [
        Figure(
            model=item.model,
            key=key,
            calls=item.requests,
            input_tokens=item.prompt_tokens,
            output_tokens=item.completion_tokens,
            cost=picodollars(item.usage + item.byok_usage_inference),
        )
        for item in decoded(body, _Activity).data
    ]


def _rest(whole: list[Figure], of_keys: list[Figure]) -> list[Figure]:
    """What of `whole` no key has."""
    left: dict[str, list[int]] = {}
    for sign, figures in ((1, whole), (-1, of_keys)):
        for each in figures:
            sums = left.setdefault(each.model, [0, 0, 0, 0])
            amounts = (each.calls or 0, each.input_tokens, each.output_tokens, each.cost or 0)
            for place, amount in enumerate(amounts):
                sums[place] += sign * amount
    return [Figure(model, "", *map(_more, sums)) for model, sums in left.items() if max(sums) > 0]


def _more(amount: int) -> int:
    """A rest below nothing is what was used between the questions."""
    return max(amount, 0)


OPENROUTER: Final = Reader(
    key_kind="a management key, which is made at Settings, Management keys",
    key_variable="OPENROUTER_MANAGEMENT_KEY",
    read=read,
    days_back_max=DAYS_BACK_MAX,
    completed_only=True,
)
