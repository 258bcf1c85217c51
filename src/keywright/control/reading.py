"""From the texts of a request to values. What is wrong is a ChangeRefusedError that names the field."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

from keywright.core.budget import Subject, Window, subject, window
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import Network, Tags
from keywright.core.money import PICODOLLARS_PER_USD, from_usd
from keywright.identity.key import LIST_ITEMS_MAX, duration_s, endpoint, label, model_glob, network

TAGS_MAX: Final = 50
TAG_CHARACTERS_MAX: Final = 128
TITLE_CHARACTERS_MAX: Final = 256
AMOUNT_CHARACTERS_MAX: Final = 32
AMOUNT_USD_MAX: Final = 10**12
COUNT_MAX: Final = 10**12
THRESHOLDS_MAX: Final = 10
THRESHOLD_MAX: Final = 1000
NOT_IN_NAMES: Final = frozenset("/\\%?#")
"""What no name has that stands in a path."""

ValueT = TypeVar("ValueT")


@contextmanager
def field(name: str) -> Iterator[None]:
    """Within it, a ValueError is what is wrong with the field `name`."""
    try:
        yield
    except ValueError as error:
        raise ChangeRefusedError("invalid", str(error), name) from None


def name(text: str, title: str) -> str:
    """`text` as the name of something that paths name. `title`: what it is a name of."""
    with field("name"):
        label(title, text)
        if not NOT_IN_NAMES.isdisjoint(text) or text in (".", ".."):
            raise ValueError(f"{title} {text!r} has one of {' '.join(sorted(NOT_IN_NAMES))} in it, which no name has")
    return text


def title(text: str, field_name: str) -> str:
    """`text` as a title, or an address: one printable line, or nothing."""
    with field(field_name):
        if len(text) > TITLE_CHARACTERS_MAX or not text.isprintable():
            raise ValueError(f"{field_name} is not one printable line of at most {TITLE_CHARACTERS_MAX} characters")
    return text


def globs(texts: Sequence[str]) -> tuple[str, ...]:
    """Globs over models."""
    return _each("models", texts, model_glob)


def endpoints(texts: Sequence[str]) -> tuple[str, ...]:
    """Names of endpoints."""
    return _each("endpoints", texts, endpoint)


def cidrs(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks."""
    return _each("cidrs", texts, network)


def tags(given: dict[str, str]) -> Tags:
    """Tags, by name."""
    with field("tags"):
        if len(given) > TAGS_MAX:
            raise ValueError(f"at most {TAGS_MAX} tags may be given")
        for key, value in given.items():
            for text in (key, value):
                if len(text) > TAG_CHARACTERS_MAX or not text.isprintable() or "," in text or text != text.strip():
                    raise ValueError(f"{text[:TAG_CHARACTERS_MAX]!r} is no name or value of a tag")
            if not key or "=" in key:
                raise ValueError(f"{key!r} is no name of a tag")
    return tuple(sorted(given.items()))


def end_s(text: str | None, now_s: int) -> int | None:
    """The time that `30d` from `now_s`, or `2026-12-24T00:00:00Z`, names; None for never."""
    if text is None:
        return None
    with field("expires"):
        if text[4:5] == "-":
            at = moment_s(text)
            if at <= now_s:
                raise ValueError(f"{text!r} is in the past")
            return at
        return now_s + duration_s(text)


def grace_s(text: str, seconds_max: int) -> int:
    """A duration that may be nothing (`0s`)."""
    with field("grace"):
        seconds = 0 if text in ("0", "0s") else duration_s(text)
        if seconds > seconds_max:
            raise ValueError(f"{text!r} is too long: at most {seconds_max // 86_400}d")
    return seconds


def moment_s(text: str) -> int:
    """Unix seconds of an RFC 3339 time. Raises ValueError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time: write it as 2026-12-24T00:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone: write Z behind it for UTC")
    return int(at.astimezone(UTC).timestamp())


def when_s(text: str | None, field_name: str, default_s: int, now_s: int) -> int:
    """A time, or how long before `now_s` (`7d`)."""
    if text is None:
        return default_s
    with field(field_name):
        return moment_s(text) if text[4:5] == "-" else now_s - duration_s(text)


def amount(text: str) -> int:
    """Picodollars of a decimal string of US dollars."""
    with field("amount_usd"):
        if len(text) > AMOUNT_CHARACTERS_MAX:
            raise ValueError(f"an amount has at most {AMOUNT_CHARACTERS_MAX} characters")
        picodollars = from_usd(text)
        if picodollars > AMOUNT_USD_MAX * PICODOLLARS_PER_USD:
            raise ValueError(f"an amount is at most {AMOUNT_USD_MAX} US dollars")
    return picodollars


def count(number: int | None, field_name: str) -> int | None:
    """A limit: a whole number from 1 on, or none."""
    with field(field_name):
        if number is not None and not 0 < number <= COUNT_MAX:
            raise ValueError(f"{field_name} is a whole number from 1 to {COUNT_MAX}, or null for no limit")
    return number


def thresholds(numbers: Sequence[int]) -> tuple[int, ...]:
    """Parts of a hundred, in order."""
    with field("thresholds"):
        if len(numbers) > THRESHOLDS_MAX or not all(0 < number <= THRESHOLD_MAX for number in numbers):
            raise ValueError(f"thresholds are at most {THRESHOLDS_MAX} numbers from 1 to {THRESHOLD_MAX}")
    return tuple(sorted(set(numbers)))


def on(text: str) -> Subject:
    """What a budget or a limit is on."""
    with field("on"):
        return subject(text)


def period(text: str) -> Window:
    """A budget's window."""
    with field("window"):
        return window(text)


def _each(field_name: str, texts: Sequence[str], read: Callable[[str], ValueT]) -> tuple[ValueT, ...]:
    with field(field_name):
        if len(texts) > LIST_ITEMS_MAX:
            raise ValueError(f"{field_name}: at most {LIST_ITEMS_MAX} may be given")
    values: list[ValueT] = []
    for at, text in enumerate(texts):
        with field(f"{field_name}[{at}]"):
            values.append(read(text))
    return tuple(values)
