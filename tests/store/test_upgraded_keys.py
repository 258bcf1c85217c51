"""Keys of revision 0001 are kept, and what they name becomes projects, users and service accounts."""

import json

from keywright.core.identity import Project, ServiceAccount, User
from keywright.store import Store
from keywright.store.key_ring import KeyQuery, KeyRing
from keywright.store.realms import Realms
from tests.store.test_upgrade import make_old

OLD = (("k1", "user", "search", "ann"), ("k2", "service", "search", "ci"), ("k3", "admin", "default", None))


def old_row(key_id: str, kind: str, project: str, owner: str | None) -> dict[str, object]:
    document = {"id": key_id, "kind": kind, "name": key_id, "created_s": 7, "project": project, "owner": owner}
    return {"id": key_id, "sha256": key_id.encode(), "created_s": 7, "document": json.dumps(document)}


async def test_keys_of_the_first_revision_have_their_place_in_the_realm(new_database_url: str) -> None:
    make_old(new_database_url, "keys", [old_row(*key) for key in OLD])
    store = await Store.open(new_database_url)
    realms, ring = Realms(store.database), KeyRing(store.database)
    assert [project.name for project in await realms.page(Project, "", 9)] == ["default", "search"]
    assert [user.name for user in await realms.page(User, "", 9)] == ["ann"]
    assert [(each.name, each.project) for each in await realms.page(ServiceAccount, "", 9)] == [("ci", "search")]
    for query, ids in (
        (KeyQuery(project="search"), ["k1", "k2"]),
        (KeyQuery(owner="user:ann"), ["k1"]),
        (KeyQuery(owner="service-account:ci"), ["k2"]),
        (KeyQuery(projects=frozenset(), user="ann"), ["k1"]),
        (KeyQuery(), ["k1", "k2", "k3"]),
    ):
        found = await ring.page(query, lambda _: True, "", 9)
        assert [known.key.id for known in found] == ids
    await store.close()
