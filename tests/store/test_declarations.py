"""What the configuration declares stands in the store as it has it: no more, no less, and nobody else changes it."""

from ipaddress import ip_network

import pytest
from msgspec.structs import replace

from keywright.core.budget import Budget, Limit, Subject
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import Key, Project
from keywright.store import Store
from keywright.store.budgets import Budgets
from keywright.store.declarations import Declarations, Declared
from keywright.store.realms import Realms

SEARCH = Project("search", 100, models=("openai/*",), cidrs=(ip_network("10.0.0.0/8"),), declared=True)
DAILY = Budget("declared-1", Subject("user", "nobody-yet"), 5 * 10**12, "day", 100, declared=True)
SLOW = Limit("declared-2", Subject("organisation"), 100, requests_per_min=10, declared=True)
ALL = Declared((SEARCH,), (DAILY,), (SLOW,))


async def test_what_is_declared_is_there_and_goes_when_it_is_no_longer(store: Store) -> None:
    declarations, realms, budgets = Declarations(store.database), Realms(store.database), Budgets(store.database)
    before = await store.version()
    assert await declarations.replace(ALL)
    assert await store.version() > before
    assert (await realms.realm()).projects["search"] == SEARCH
    assert (await budgets.all(Budget), await budgets.all(Limit)) == ((DAILY,), (SLOW,))
    assert await declarations.replace(Declared())
    assert "search" not in (await realms.realm()).projects
    assert (await budgets.all(Budget), await budgets.all(Limit)) == ((), ())


async def test_declaring_the_same_again_changes_nothing(store: Store) -> None:
    declarations = Declarations(store.database)
    await declarations.replace(ALL)
    before = await store.version()
    later = Declared((replace(SEARCH, created_s=999),), (replace(DAILY, created_s=999),), (SLOW,))
    assert not await declarations.replace(later)
    assert await store.version() == before


async def test_another_amount_changes_the_same_budget(store: Store) -> None:
    declarations, budgets = Declarations(store.database), Budgets(store.database)
    await declarations.replace(ALL)
    await declarations.replace(Declared(budgets=(replace(DAILY, picodollars=1, created_s=999),)))
    assert await budgets.all(Budget) == (replace(DAILY, picodollars=1, version=2),)


async def test_what_administrators_made_stays(store: Store) -> None:
    declarations, realms, budgets = Declarations(store.database), Realms(store.database), Budgets(store.database)
    theirs, limit = replace(DAILY, id="theirs", on=Subject("organisation"), declared=False), replace(SLOW, id="x")
    await realms.add(Project("other", 1))
    await budgets.add(theirs)
    await budgets.add(replace(limit, declared=False))
    await declarations.replace(ALL)
    await declarations.replace(Declared())
    assert await budgets.all(Budget) == (theirs,)
    assert [one.id for one in await budgets.all(Limit)] == ["x"]
    assert "other" in (await realms.realm()).projects


async def test_nobody_else_changes_what_is_declared(store: Store) -> None:
    declarations, realms, budgets = Declarations(store.database), Realms(store.database), Budgets(store.database)
    await declarations.replace(ALL)
    with pytest.raises(ChangeRefusedError, match="project is declared in the gateway's configuration") as caught:
        await realms.change(Project, "search", None, lambda project: replace(project, title="x"))
    assert caught.value.kind == "conflict"
    with pytest.raises(ChangeRefusedError, match="budget is declared"):
        await budgets.change(Budget, DAILY.id, None, lambda budget: replace(budget, picodollars=1))
    with pytest.raises(ChangeRefusedError, match="limit is declared"):
        await budgets.remove(Limit, SLOW.id, None, lambda limit: None)
    assert not await declarations.replace(ALL)


async def test_a_project_that_was_there_becomes_declared(store: Store) -> None:
    declarations, realms = Declarations(store.database), Realms(store.database)
    await realms.add(Project("search", 1, title="Theirs", archived_s=5))
    await declarations.replace(ALL)
    assert (await realms.realm()).projects["search"] == replace(SEARCH, created_s=1, version=2)


async def test_a_project_with_keys_keeps_its_rules_when_it_is_no_longer_declared(store: Store) -> None:
    declarations, realms = Declarations(store.database), Realms(store.database)
    await declarations.replace(ALL)
    await store.add_key(Key("k" * 16, "service", "x", b"1", 1, project="search"))
    await declarations.replace(Declared())
    left = (await realms.realm()).projects["search"]
    assert left == replace(SEARCH, declared=False, version=2)
    await realms.change(Project, "search", None, lambda project: replace(project, models=()))
    await declarations.replace(ALL)
    await declarations.replace(Declared((replace(SEARCH, models=()),)))
    assert (await realms.realm()).projects["search"].models == ()
