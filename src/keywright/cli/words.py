"""From the words of a command to the body of a request. What the API can judge itself is left to it.

In a command that changes something, an option that is absent changes nothing, and an empty one (`--models ''`) takes
away what was there.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

import typer
from msgspec import UNSET, UnsetType

ValueT = TypeVar("ValueT")

Words: TypeAlias = list[str] | None
Body: TypeAlias = dict[str, object]

NONE: Final = "none"
NEVER: Final = "never"


def body(fields: Mapping[str, object]) -> Body:
    """The body of a request: what of `fields` was given."""
    return {name: value for name, value in fields.items() if value is not UNSET}


def change(fields: Mapping[str, object]) -> Body:
    """The body of a change, which changes something.

    Raises:
        typer.BadParameter: nothing was given.
    """
    given = body(fields)
    if not given:
        raise typer.BadParameter("say what is to become different")
    return given


def said(value: ValueT | None) -> ValueT | UnsetType:
    """`value`, if the option was given."""
    return UNSET if value is None else value


def several(words: Words) -> list[str] | UnsetType:
    """The values of an option that may be repeated."""
    return UNSET if words is None else [word for word in words if word]


def tags(words: Words) -> dict[str, str] | UnsetType:
    """Tags as `NAME=VALUE`.

    Raises:
        typer.BadParameter: one is not of that form.
    """
    if words is None:
        return UNSET
    found: dict[str, str] = {}
    for word in filter(None, words):
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise typer.BadParameter(f"{word[:80]!r} is no tag: write NAME=VALUE", param_hint="--tag")
        found[name] = value
    return found


def count(text: str | None, option: str) -> int | UnsetType | None:
    """A number, or `none`.

    Raises:
        typer.BadParameter: it is neither.
    """
    if text is None:
        return UNSET
    if text == NONE:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise typer.BadParameter(f"{text[:40]!r} is neither a whole number nor none", param_hint=option)
    return int(text)


def rates(requests_per_min: str | None, tokens_per_min: str | None, concurrency: str | None) -> Body:
    """How fast, and how many at once."""
    return {
        "requests_per_min": count(requests_per_min, "--requests-per-min"),
        "tokens_per_min": count(tokens_per_min, "--tokens-per-min"),
        "concurrency": count(concurrency, "--concurrency"),
    }


def expiry(text: str | None) -> str | UnsetType | None:
    """When something ends: `30d`, a time, a day, or `never`."""
    return UNSET if text is None else None if text == NEVER else utc(text)


def utc(text: str) -> str:
    """A day or a time without a zone as one in UTC; anything else as it is."""
    if text[4:5] != "-":
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo else at.replace(tzinfo=UTC).isoformat()


def when(text: str | None) -> str | None:
    """When a span begins or ends: `7d` ago, a time, a day."""
    return None if text is None else utc(text)
