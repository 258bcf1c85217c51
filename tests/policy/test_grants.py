"""Grants are made when they are asked for: a hundred thousand keys cost nothing when the snapshot is swapped."""

from msgspec.structs import replace

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.snapshot import bundled
from keywright.core.identity import Project, Realm
from keywright.pipeline.routes import Routes
from keywright.pipeline.snapshot import Snapshot
from tests.policy.samples import key

KEYS = {str(number): key(str(number)) for number in range(1000)}


def snapshot() -> Snapshot:
    return Snapshot(keys=KEYS, foreign={}, routes=Routes((), {}, Catalogue(bundled())))


def test_a_grant_is_made_once_and_for_who_calls_only() -> None:
    held = snapshot()
    assert held.grants == {}
    first = held.grant(KEYS["7"])
    assert held.grant(KEYS["7"]) is first
    assert set(held.grants) == {"7"}


def test_another_snapshot_begins_without_them() -> None:
    before = snapshot()
    assert before.grant(KEYS["7"]).models == ()
    after = replace(before, realm=Realm(projects={"p": Project("p", 0, models=("a/*",))}))
    assert after.grants == {}
    assert [level.kind for level in after.grant(KEYS["7"]).models] == ["project"]
    assert before.grant(KEYS["7"]).models == (), "who runs keeps what it has"
