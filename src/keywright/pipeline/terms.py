"""Which budgets and limits does a call count in? Made once per snapshot, and per key when it first calls."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import Final, TypeAlias

from msgspec import Struct

from keywright.core.budget import Budget, Limit, Period, Subject, SubjectKind, account_of, period, rolling_s
from keywright.core.identity import NOBODY, Key, Realm, Tags
from keywright.core.lease import Kind
from keywright.policy.level import lineage

NAMES_REMEMBERED: Final = 10_000
"""How many models' names are remembered: a client that invents names cannot grow it without bound."""


class BudgetTerm:
    """A budget, and its account in the period that counts now."""

    __slots__ = ("_account", "_period", "budget", "rolls")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.rolls = rolling_s(budget.window)
        self._period = Period(0, 0)
        self._account = ""

    def account(self, now_s: int) -> str:
        """The account of the period that `now_s` is in."""
        held = self._period
        if not (held.start_s <= now_s and (held.end_s is None or now_s < held.end_s)):
            held = self._period = period(self.budget.window, now_s)
            self._account = account_of(self.budget, now_s)
        return self._account


class LimitTerm(Struct, frozen=True):
    """One of the bounds of a limit: its account, of how much, and what the limit is on."""

    account: str
    cap: int
    kind: Kind
    on: str


class Terms(Struct, frozen=True):
    """What counts for a call, or always counts for a key. `tags`: by which it is known in reports and budgets."""

    budgets: tuple[BudgetTerm, ...] = ()
    limits: tuple[LimitTerm, ...] = ()
    tags: Tags = ()


_Found: TypeAlias = tuple[list[BudgetTerm], list[LimitTerm]]
_Terms: TypeAlias = tuple[tuple[BudgetTerm, ...], tuple[LimitTerm, ...]]


class Bounds:
    """All budgets and limits, by what they are on. Immutable but for what it remembers of keys."""

    def __init__(self, budgets: Iterable[Budget], limits: Iterable[Limit], realm: Realm) -> None:
        self._realm = realm
        self._on: dict[Subject, _Found] = {}
        self._of_keys: dict[str, Terms] = {}
        self._of_models: dict[tuple[str, ...], _Terms] = {}
        for budget in budgets:
            self._at(budget.on)[0].append(BudgetTerm(budget))
        for limit in limits:
            self._at(limit.on)[1].extend(_limit_terms(limit.id, limit, str(limit.on)))
        self._models = [(on.name, found) for on, found in self._on.items() if on.kind == "model"]
        self._has_tags = any(on.kind == "tag" for on in self._on)

    def of_call(self, key: Key, keys: Mapping[str, Key], tags: Tags, model: str, targets: Sequence[str]) -> Terms:
        """What counts for a call of `key` with `tags` of its own, that asks for `model` and may reach `targets`. What
        the key derives from is among `keys`.
        """
        terms = self.of_key(key, keys)
        if tags:
            terms = self._with_tags(terms, tags)
        return terms if not self._models else self._with_models(terms, model, targets)

    def of_key(self, key: Key, keys: Mapping[str, Key]) -> Terms:
        """What counts for each call of `key`."""
        terms = self._of_keys.get(key.id)
        if terms is None:
            terms = self._of_keys[key.id] = self._made(key, keys)
        return terms

    def _made(self, key: Key, keys: Mapping[str, Key]) -> Terms:
        line = lineage(key, keys)
        tags = _tags_of(key, self._realm)
        subjects = [
            Subject("organisation"),
            Subject("project", key.project),
            *(Subject("key", one.id) for one in line),
            *(Subject("tag", f"{name}={value}") for name, value in tags),
        ]
        if key.owner is not None:
            kind: SubjectKind = "user" if key.owner_kind == "user" else "service_account"
            subjects.append(Subject(kind, key.owner))
        budgets, limits = self._on_any(subjects)
        own = (term for one in line for term in _limit_terms(one.id, one, f"key:{one.id}"))
        return Terms(budgets, (*own, *limits), tags)

    def _with_tags(self, terms: Terms, tags: Tags) -> Terms:
        """Of the call's own tags each name counts once, the first of it, and none that the key has."""
        known = dict(terms.tags)
        own: dict[str, str] = {}
        for name, value in tags:
            if name not in known:
                own.setdefault(name, value)
        subjects = [Subject("tag", f"{name}={value}") for name, value in own.items()] if self._has_tags else []
        budgets, limits = self._on_any(subjects)
        return Terms(terms.budgets + budgets, terms.limits + limits, terms.tags + tuple(own.items()))

    def _with_models(self, terms: Terms, model: str, targets: Sequence[str]) -> Terms:
        names = (model, *targets)
        found = self._of_models.get(names)
        if found is None:
            matching = [on for glob, on in self._models if any(fnmatchcase(name, glob) for name in names)]
            found = _all(matching)
            if len(self._of_models) < NAMES_REMEMBERED:
                self._of_models[names] = found
        return Terms(terms.budgets + found[0], terms.limits + found[1], terms.tags)

    def _on_any(self, subjects: Iterable[Subject]) -> _Terms:
        return _all([self._on[subject] for subject in subjects if subject in self._on])

    def _at(self, on: Subject) -> _Found:
        return self._on.setdefault(on, ([], []))


def _all(found: Sequence[_Found]) -> _Terms:
    budgets, limits = zip(*found, strict=True) if found else ((), ())
    return tuple(chain.from_iterable(budgets)), tuple(chain.from_iterable(limits))


def counts_for(budget: Budget, names: Iterable[str]) -> bool:
    """Whether what a model of those `names` costs counts in the budget, which is among the call's terms."""
    return budget.on.kind != "model" or any(fnmatchcase(name, budget.on.name) for name in names)


def _limit_terms(account: str, limit: Limit | Key, on: str) -> list[LimitTerm]:
    caps: Mapping[Kind, int | None] = {
        "requests": limit.requests_per_min,
        "tokens": limit.tokens_per_min,
        "running": limit.concurrency,
    }
    return [LimitTerm(f"{account}:{kind}", cap, kind, on) for kind, cap in caps.items() if cap is not None]


def _tags_of(key: Key, realm: Realm) -> Tags:
    """The tags of a key: its own before its owner's before its project's, each name once."""
    project = realm.projects.get(key.project)
    owners = realm.users if key.owner_kind == "user" else realm.service_accounts
    owner = owners.get(key.owner) if key.owner is not None else None
    tags: dict[str, str] = {}
    for level in (project, owner, key):
        tags.update(level.tags if level is not None else ())
    return tuple(tags.items())


UNBOUNDED: Final = Bounds((), (), NOBODY)
