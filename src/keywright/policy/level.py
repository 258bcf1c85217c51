"""Who has a word in what a key may do: the key itself, its project, its owner, and the keys that it derives from.

A key that derives from another never exceeds it, so all that restricts its parent restricts it, too: the parent's own
project and owner as well.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.core.identity import Key, Network, Project, Realm, ServiceAccount, User

LevelKind: TypeAlias = Literal["key", "project", "owner", "parent"]
Ending: TypeAlias = Literal["revoked", "archived", "disabled", "unknown", "expired"]
"""Why something counts no longer. `unknown`: a parent that is not there, or the last of too many."""

READING_ENDPOINTS: Final = frozenset({"models"})
"""What a `read_only` key may call."""

PARENTS_MAX: Final = 16
"""A key with more of them above it is refused: nobody derives so often, and a circle has no end."""


class End(Struct, frozen=True, order=True):
    """From `at_s` (Unix seconds) on, nothing is allowed."""

    at_s: int
    why: Ending


class Level(Struct, frozen=True):
    """One of those who have a word in it. `name`: the key's id, or the name of the project or owner.

    `endpoints`: what may be called, None for everything; `is_reading` when that is because it only reads. `models` are
    globs and `cidrs` networks, all when empty.
    """

    kind: LevelKind
    name: str
    endpoints: frozenset[str] | None = None
    is_reading: bool = False
    models: tuple[str, ...] = ()
    cidrs: tuple[Network, ...] = ()
    ends: tuple[End, ...] = ()

    @property
    def restricts(self) -> bool:
        """Whether it makes any difference."""
        return self.endpoints is not None or bool(self.models or self.cidrs or self.ends)

    def matches(self, model: str) -> bool:
        """Whether it lets a model of that name be used."""
        return not self.models or any(fnmatchcase(model, glob) for glob in self.models)


def lineage(key: Key, keys: Mapping[str, Key]) -> tuple[Key, ...]:
    """The key and all that it derives from, the nearest first; `PARENTS_MAX` of them at most."""
    line = [key]
    while len(line) <= PARENTS_MAX and (parent := keys.get(line[-1].parent or "")) is not None:
        line.append(parent)
    return tuple(line)


def levels_of(line: tuple[Key, ...], realm: Realm) -> tuple[Level, ...]:
    """All that have a word in what the first key of `line`, which is its lineage, may do: each once, its own first.

    A project or an owner that `realm` does not know restricts nothing: old data names some. A parent that is not known
    restricts everything.
    """
    levels = [level for key in line for level in _own(key, "parent" if key is not line[0] else "key", realm)]
    unknown = line[-1].parent
    if unknown is not None:
        levels.append(Level("parent", unknown, ends=(End(0, "unknown"),)))
    return tuple(dict.fromkeys(levels))


def _own(key: Key, kind: LevelKind, realm: Realm) -> Iterator[Level]:
    """The level of a key, and those of its project and owner."""
    yield _of_key(key, kind)
    project = realm.projects.get(key.project)
    if project is not None:
        yield _of_project(project)
    owners: Mapping[str, User | ServiceAccount] = realm.users if key.owner_kind == "user" else realm.service_accounts
    owner = owners.get(key.owner) if key.owner is not None else None
    if owner is not None:
        yield Level("owner", owner.name, ends=_ends(("disabled", owner.disabled_s)))


def _of_key(key: Key, kind: LevelKind) -> Level:
    endpoints = None
    if key.permission != "all":
        endpoints = READING_ENDPOINTS if key.permission == "read_only" else frozenset(key.endpoints)
    return Level(
        kind=kind,
        name=key.id,
        endpoints=endpoints,
        is_reading=key.permission == "read_only",
        models=key.models,
        cidrs=key.cidrs,
        ends=_ends(("revoked", key.revoked_s), ("expired", key.expires_s)),
    )


def _of_project(project: Project) -> Level:
    return Level(
        kind="project",
        name=project.name,
        endpoints=frozenset(project.endpoints) if project.endpoints else None,
        models=project.models,
        cidrs=project.cidrs,
        ends=_ends(("archived", project.archived_s)),
    )


def _ends(*ends: tuple[Ending, int | None]) -> tuple[End, ...]:
    return tuple(End(at_s, why) for why, at_s in ends if at_s is not None)
