"""What lists and errors of the administration API look like."""

from typing import Generic, TypeVar

from msgspec import Struct

RowT = TypeVar("RowT")


class Page(Struct, Generic[RowT], frozen=True):
    """A part of a list. `next`: what to send as `after` to get the part behind it; null at the end."""

    rows: tuple[RowT, ...]
    next: str | None = None


class FieldFault(Struct, frozen=True):
    """What is wrong with one field of a request: `field` as `models[2]`, or a parameter's or header's name."""

    field: str
    detail: str


class Problem(Struct, frozen=True, omit_defaults=True):
    """An error as RFC 9457 says it. `code` is a stable word; `type` is `urn:keywright:problem:CODE`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str = ""
    fields: tuple[FieldFault, ...] = ()
