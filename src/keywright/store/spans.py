"""Which table answers for which part of a time that is asked about.

Days that are over come from the roll-up by the day, the hours around them from the one by the hour, and the parts of an
hour at both ends from the entries. Tags are rolled up by the day only. Where the entries are gone already, both ends
are widened to whole hours, of tags to whole days.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

from keywright.store.rollups import DAY_S, HOUR_S

Source: TypeAlias = Literal["entries", "usage_hours", "usage_days", "tag_days"]


class Span(Struct, frozen=True):
    """[since_s, until_s) in Unix seconds, from one table."""

    source: Source
    since_s: int
    until_s: int


class Horizon(Struct, frozen=True):
    """`closed_s`: days before it are rolled up. `kept_s`: entries before it may be gone; the start of a day."""

    closed_s: int
    kept_s: int


def spans(since_s: int, until_s: int, horizon: Horizon, *, by_hour: bool, by_tag: bool) -> Iterator[Span]:
    """The parts of [since_s, until_s), in their order. `by_hour`, `by_tag`: what the tables must tell apart."""
    if by_hour and by_tag:
        yield from _span("entries", max(since_s, horizon.kept_s), until_s)
        return
    step = DAY_S if by_tag else HOUR_S
    start, end = since_s // step * step, until_s // step * step
    first_s = start if start == since_s or since_s < horizon.kept_s else start + step
    last_s = end + step if end != until_s and end < horizon.kept_s else end
    if first_s >= last_s:
        yield from _span("entries", since_s, until_s)
        return
    yield from _span("entries", since_s, first_s)
    if by_tag:
        yield from _span("tag_days", first_s, last_s)
    elif by_hour:
        yield from _span("usage_hours", first_s, last_s)
    else:
        yield from _whole_hours(first_s, last_s, horizon.closed_s)
    yield from _span("entries", last_s, until_s)


def by_day(span: Span) -> Iterator[Span]:
    """The parts of `span`, one for each day."""
    since_s = span.since_s
    while since_s < span.until_s:
        until_s = min((since_s // DAY_S + 1) * DAY_S, span.until_s)
        yield Span(span.source, since_s, until_s)
        since_s = until_s


def _whole_hours(first_s: int, last_s: int, closed_s: int) -> Iterator[Span]:
    day_s, end_s = -(-first_s // DAY_S) * DAY_S, min(last_s // DAY_S * DAY_S, closed_s)
    if day_s >= end_s:
        yield from _span("usage_hours", first_s, last_s)
        return
    yield from _span("usage_hours", first_s, day_s)
    yield from _span("usage_days", day_s, end_s)
    yield from _span("usage_hours", end_s, last_s)


def _span(source: Source, since_s: int, until_s: int) -> Iterator[Span]:
    if since_s < until_s:
        yield Span(source, since_s, until_s)
