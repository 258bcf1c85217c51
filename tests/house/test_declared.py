"""From the file's words to the nouns."""

from pathlib import Path

from keywright.config import parse
from keywright.core.budget import Budget, Subject
from keywright.house.declared import declare, declared
from keywright.store import Store
from keywright.store.budgets import Budgets

FILE = """
[projects.search]
cidrs = "10.0.0.0/8"
tags = { team = "core" }
[[budgets]]
on = "project:search"
amount = "0.000000000001"
window = "024h"
soft = true
[[limits]]
on = "key:abc"
tokens_per_min = 7
"""


def test_the_file_s_words_become_nouns() -> None:
    found = declared(parse(FILE), 100)
    (project,), (budget,), (limit,) = found.projects, found.budgets, found.limits
    assert (project.name, project.created_s, str(project.cidrs[0]), project.tags, project.declared) == (
        "search",
        100,
        "10.0.0.0/8",
        (("team", "core"),),
        True,
    )
    assert (budget.on, budget.picodollars, budget.window, budget.hard) == (
        Subject("project", "search"),
        1,
        "24h",
        False,
    )
    assert (limit.on, limit.tokens_per_min, limit.declared) == (Subject("key", "abc"), 7, True)


def test_an_id_follows_from_subject_and_window_alone() -> None:
    before, after = (declared(parse(FILE.replace("0.000000000001", amount)), 1).budgets[0].id for amount in ("1", "2"))
    assert before == after
    assert before != declared(parse(FILE.replace("024h", "day")), 1).budgets[0].id
    assert "@" not in before, "an account's id is the budget's, an @ and its period's"


async def test_the_store_has_what_the_file_declares(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/x.db")
    try:
        assert await declare(parse(FILE), store, 100)
        assert not await declare(parse(FILE), store, 200)
        assert len(await Budgets(store.database).all(Budget)) == 1
    finally:
        await store.close()
