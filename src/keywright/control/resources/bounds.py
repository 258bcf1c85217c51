"""Budgets and limits: as they are asked for, changed and shown."""

from msgspec import UNSET, Struct, UnsetType


class BudgetBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A budget to be made. `window`: `total`, `day`, `week`, `month`, or rolling hours as `24h`.

    `thresholds`: at which parts of a hundred it warns. Not `hard`: it only warns.
    """

    on: str
    amount_usd: str
    window: str = "total"
    hard: bool = True
    thresholds: tuple[int, ...] = (50, 80, 100)


class BudgetChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a budget. Its subject and window stay: its account is theirs."""

    amount_usd: str | UnsetType = UNSET
    hard: bool | UnsetType = UNSET
    thresholds: tuple[int, ...] | UnsetType = UNSET


class Warned(Struct, frozen=True):
    """That a threshold (of a hundred) was passed in this period, and when."""

    threshold: int
    at: str


class BudgetRow(Struct, frozen=True, kw_only=True):
    """A budget in its current period. `available_usd`: what is neither spent nor reserved, never below zero.

    `period_start` and `period_end` are null where the window is `total`; a rolling window ends now. `declared`: the
    configuration has it, and nothing else changes it.
    """

    id: str
    on: str
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    available_usd: str
    window: str
    period_start: str | None
    period_end: str | None
    hard: bool
    thresholds: tuple[int, ...]
    warned: tuple[Warned, ...]
    created: str
    declared: bool
    version: int


class LimitBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A limit to be made, with at least one of the three."""

    on: str
    requests_per_min: int | None = None
    tokens_per_min: int | None = None
    concurrency: int | None = None


class LimitChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a limit. Null: no longer limited."""

    requests_per_min: int | UnsetType | None = UNSET
    tokens_per_min: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET


class LimitRow(Struct, frozen=True, kw_only=True):
    """A limit. `declared`: the configuration has it, and nothing else changes it."""

    id: str
    on: str
    requests_per_min: int | None
    tokens_per_min: int | None
    concurrency: int | None
    created: str
    declared: bool
    version: int
