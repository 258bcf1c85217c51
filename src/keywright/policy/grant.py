"""What is left for a key when all have had their word. Made once for a key and a snapshot, then asked by every call.

Levels are kept by what they restrict, and those that do not restrict a thing are not asked about it: a plain key, of a
plain project, costs the same as if there were neither projects nor parents.
"""

import sys
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from keywright.core.identity import Key, Realm
from keywright.policy.level import Level, levels_of, lineage

NEVER_S: Final = sys.maxsize


class Grant(Struct, frozen=True, eq=False):
    """`endpoints`, `models` and `cidrs` are the levels that restrict these; a call must satisfy each of them.

    `ends_s`: Unix seconds, from when on the key counts no longer; `NEVER_S` if none knows of an end. `rule` is what an
    allowed call is allowed by. `allows_unpriced`: the key, or its project for it, may use models that have no price,
    and so may all that it derives from.
    """

    levels: tuple[Level, ...]
    endpoints: tuple[Level, ...]
    models: tuple[Level, ...]
    cidrs: tuple[Level, ...]
    ends_s: int
    rule: str
    allows_unpriced: bool

    def may_name(self, model: str) -> bool:
        """Whether each level lets a model of that name be used."""
        return all(level.matches(model) for level in self.models)


def grant_of(key: Key, keys: Mapping[str, Key], realm: Realm) -> Grant:
    """The grant of `key`. What it derives from is among `keys`, by id."""
    line = lineage(key, keys)
    levels = levels_of(line, realm)
    models = tuple(level for level in levels if level.models)
    return Grant(
        levels=levels,
        endpoints=tuple(level for level in levels if level.endpoints is not None),
        models=models,
        cidrs=tuple(level for level in levels if level.cidrs),
        ends_s=min((end.at_s for level in levels for end in level.ends), default=NEVER_S),
        rule=f"{models[0].kind}:models" if models else "key:all",
        allows_unpriced=all(_allows_unpriced(one, realm) for one in line),
    )


def _allows_unpriced(key: Key, realm: Realm) -> bool:
    project = realm.projects.get(key.project)
    return key.allow_unpriced or (project is not None and project.allow_unpriced)
