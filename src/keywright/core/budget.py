"""What may be spent, and how fast: budgets and limits, what they are on, and the periods that they count in."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

from msgspec import Struct

SubjectKind: TypeAlias = Literal["organisation", "project", "user", "service_account", "key", "model", "tag"]

Window: TypeAlias = str
"""`total`, `day`, `week`, `month` (calendar, UTC, weeks from Monday), or rolling hours: `24h`."""

CALENDAR: Final = frozenset({"day", "week", "month"})
HOUR_S: Final = 3600
WINDOW_HOURS_MAX: Final = 24 * 366
NAME_CHARS_MAX: Final = 256
THRESHOLDS: Final = (50, 80, 100)
"""Of a hundred: where a budget warns unless it says otherwise."""

_KINDS: Final[dict[str, SubjectKind]] = {
    "project": "project",
    "user": "user",
    "service-account": "service_account",
    "key": "key",
    "model": "model",
    "tag": "tag",
}


class Subject(Struct, frozen=True, order=True):
    """What a budget or a limit is on. `name`: a project's, user's or service account's, a key's id, a glob over models
    (`openai/*`), `NAME=VALUE` of a tag; "" for the organisation.
    """

    kind: SubjectKind
    name: str = ""

    def __str__(self) -> str:
        """As it is written: `project:search`, `organisation`."""
        return self.kind if not self.name else f"{self.kind.replace('_', '-')}:{self.name}"


class Budget(Struct, frozen=True):
    """An amount, in picodollars, that the calls of a subject may cost in a window.

    `hard`: a call that could exceed it is refused; else it only warns. `thresholds`: at which parts of a hundred.
    `declared`: the configuration has it, and nothing else changes it.
    """

    id: str
    on: Subject
    picodollars: int
    window: Window
    created_s: int
    hard: bool = True
    thresholds: tuple[int, ...] = THRESHOLDS
    version: int = 1
    declared: bool = False


class Limit(Struct, frozen=True):
    """How fast the calls of a subject may come, and how many may run at once. None: as they like.

    `declared`: the configuration has it, and nothing else changes it.
    """

    id: str
    on: Subject
    created_s: int
    requests_per_min: int | None = None
    tokens_per_min: int | None = None
    concurrency: int | None = None
    version: int = 1
    declared: bool = False


def subject(text: str) -> Subject:
    """What `text` names: `organisation`, `key:ID`, `project:NAME`, `user:NAME`, `service-account:NAME`, `model:GLOB` or
    `tag:NAME=VALUE`.

    Raises:
        ValueError: it is none of these.
    """
    if text == "organisation":
        return Subject("organisation")
    word, colon, name = text.partition(":")
    kind = _KINDS.get(word)
    is_tag_sound = kind != "tag" or ("=" in name and not name.startswith("="))
    if not colon or kind is None or not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable() or not is_tag_sound:
        raise ValueError(
            f"{text!r} is nothing that a budget or limit can be on: write organisation, project:NAME, user:NAME, "
            "service-account:NAME, key:ID, model:GLOB or tag:NAME=VALUE"
        )
    return Subject(kind, name)


def window(text: str) -> Window:
    """`text` as a window.

    Raises:
        ValueError: it is none.
    """
    if text == "total" or text in CALENDAR:
        return text
    hours = text[:-1]
    if text.endswith("h") and hours.isascii() and hours.isdigit() and 0 < int(hours[:6]) <= WINDOW_HOURS_MAX:
        return f"{int(hours)}h"
    raise ValueError(f"{text!r} is not a window: write total, day, week, month, or rolling hours as 24h")


def rolling_s(window: Window) -> int | None:
    """How many seconds a rolling window is long; None for the others."""
    return int(window[:-1]) * HOUR_S if window[:1].isdigit() else None


class Period(Struct, frozen=True, gc=False):
    """[start_s, end_s) in Unix seconds. `end_s` is None where it never ends."""

    start_s: int
    end_s: int | None


EVER: Final = Period(0, None)


def period(window: Window, when_s: int) -> Period:
    """The calendar period that `when_s` is in; `EVER` for windows that are not of the calendar."""
    if window not in CALENDAR:
        return EVER
    day = datetime.fromtimestamp(when_s, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match window:
        case "day":
            start, end = day, day + timedelta(days=1)
        case "week":
            start = day - timedelta(days=day.weekday())
            end = start + timedelta(days=7)
        case _:
            start = day.replace(day=1)
            end = (start + timedelta(days=32)).replace(day=1)
    return Period(int(start.timestamp()), int(end.timestamp()))


def account_of(budget: Budget, when_s: int) -> str:
    """The account in which a call that starts at `when_s` counts: see `store/escrow.py`."""
    rolls_s = rolling_s(budget.window)
    return f"{budget.id}@+{rolls_s}" if rolls_s is not None else f"{budget.id}@{period(budget.window, when_s).start_s}"
