"""Two gateways live in one process and share nothing: no key, no route, no connection, no entry, no metric."""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keywright.house.blueprint import plan_house
from keywright.house.house import House
from tests.gateway import Gateway, environment, running, toml
from tests.standin.cloud import StandIn

TWO_MODELS = '[models.{name}]\nroute = ["openai/gpt-4o"]\n'


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "one", tmp_path / "two"]
    for folder in made:
        folder.mkdir()
    return made


def test_what_one_gateway_knows_the_other_does_not(
    folders: list[Path], openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    variables = environment(openai_cloud, anthropic_cloud)
    with contextlib.ExitStack() as stack:
        one, two = (
            stack.enter_context(
                running(
                    folder,
                    toml(openai_cloud, anthropic_cloud, TWO_MODELS.format(name=folder.name)),
                    {**variables, "KEYWRIGHT_ADMIN_KEY": f"{folder.name}-{'x' * 40}"},
                )
            )
            for folder in folders
        )
        _check_keys(one, two)
        _check_routes(one, two)
        _check_traces(one, two)


def _check_keys(one: Gateway, two: Gateway) -> None:
    key = one.issue()
    assert (one.chat(key=key).status, two.chat(key=key).status) == (200, 401)
    assert (one.chat(key=two.admin_key).status, two.chat(key=two.admin_key).status) == (401, 200)


def _check_routes(one: Gateway, two: Gateway) -> None:
    assert (one.chat("one").status, two.chat("one").status) == (200, 404)
    assert (one.chat("two").status, two.chat("two").status) == (404, 200)


def _check_traces(one: Gateway, two: Gateway) -> None:
    ids = {entry.id for entry in one.entries()}
    assert ids
    assert ids.isdisjoint(entry.id for entry in two.entries())
    for source in one.house.snapshot.routes.sources:
        source.breaker.failed(time.perf_counter(), 60.0)
    assert (one.chat().status, two.chat().status) == (503, 200), "a breaker is one gateway's own"


async def test_two_houses_of_one_loop_share_no_object_that_changes(
    folders: list[Path], openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    async with two_houses(folders, openai_cloud, anthropic_cloud) as (one, two):
        pairs = [
            (one.pool, two.pool),
            (one.meters, two.meters),
            (one.ledger, two.ledger),
            (one.store, two.store),
            (one.snapshot, two.snapshot),
            (one.snapshot.routes, two.snapshot.routes),
            (one.app.edge.ids, two.app.edge.ids),
            (one.app.edge.running, two.app.edge.running),
        ]
        assert all(first is not second for first, second in pairs)
        breakers = {id(source.breaker) for house in (one, two) for source in house.snapshot.routes.sources}
        assert len(breakers) == 4
        ours, theirs = one.snapshot.routes.find("openai/gpt-4o")[0], two.snapshot.routes.find("openai/gpt-4o")[0]
        ours.lane("chat", "anthropic")
        assert ours.lanes
        assert not theirs.lanes
        await one.close()


async def test_closing_one_house_leaves_the_other_working(
    folders: list[Path], openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    async with two_houses(folders, openai_cloud, anthropic_cloud) as (one, two):
        await one.close()
        assert await two.store.version() >= 0
        await two.ledger.flush()
        assert two.snapshot.routes.names()


@contextlib.asynccontextmanager
async def two_houses(
    folders: list[Path], openai_cloud: StandIn, anthropic_cloud: StandIn
) -> AsyncIterator[tuple[House, House]]:
    variables = environment(openai_cloud, anthropic_cloud)
    made = []
    for folder in folders:
        (folder / "keywright.toml").write_text(toml(openai_cloud, anthropic_cloud))
        made.append(await House.open(await plan_house(folder / "keywright.toml", variables, folder)))
    try:
        yield made[0], made[1]
    finally:
        await made[1].close()
