"""`keywright secret rewrap`: a sealed store changes its key, whatever comes between, and says what is left."""

import asyncio
import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path
from secrets import token_bytes

import pytest

from keywright.cli.secret_kek import _gone_over
from keywright.config import load
from keywright.house.blueprint import Blueprint
from keywright.house.secrets.rewrapping import SealedStore
from keywright.house.stores.sealing import tenant_of
from keywright.store.database import Database
from keywright.vault.backends.file import on_read_only_mount
from keywright.vault.keks.file import file_kek
from keywright.vault.keks.local import LocalKek
from tests.acceptance.scale import TEST_S, sized
from tests.cli.hand import Hand
from tests.cli.shell import Shell
from tests.store.disks import files_at_most
from tests.vault.sealed.filling import fill, opens
from tests.vault.sealed.shelves import opened

ROWS = sized(1200, 100_000)
KILLS = sized(1, 5)
TENANT = tenant_of("sealed")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two keys, and a store whose secrets are under the old one."""
    folder = tmp_path_factory.mktemp("rewrap")
    hand = Hand(folder)
    for name in ("old", "new"):
        assert hand.run("secret", "create-kek", name).code == 0
    with opened(f"sqlite:///{folder}/keywright.db") as desk:
        fill(desk, kek(folder, "old"), ROWS, tenant=TENANT)
    return folder


@pytest.fixture
def hand(filled: Path, tmp_path: Path) -> Hand:
    folder = tmp_path / "folder"
    shutil.copytree(filled, folder)
    name_keys(folder, "new", "old")
    return Hand(folder)


def kek(folder: Path, name: str) -> LocalKek:
    return file_kek(folder / name, on_read_only_mount, token_bytes)


def name_keys(folder: Path, *names: str) -> None:
    keks = ", ".join(f'"file:{folder}/{name}"' for name in names)
    (folder / "keywright.toml").write_text(f"[secrets.sealed]\nkek = [{keks}]\n")


def under_new(folder: Path) -> int:
    connection = sqlite3.connect(folder / "keywright.db", timeout=30.0)
    try:
        query = "SELECT count(*) FROM sealed WHERE purpose = 'secret' AND kek = ?"
        return int(connection.execute(query, (kek(folder, "new").id,)).fetchone()[0])
    finally:
        connection.close()


def spoil(folder: Path, *names: str) -> None:
    """Damage the data keys of these secrets."""
    with sqlite3.connect(folder / "keywright.db") as connection:
        connection.executemany("UPDATE sealed SET data_key = x'0102' WHERE name = ?", [(name,) for name in names])
    connection.close()


def test_all_comes_under_the_first_key_and_then_the_old_one_may_go(hand: Hand) -> None:
    done = hand.run("secret", "rewrap", "--json")
    assert done.code == 0
    assert (done.json["done"], done.json["remaining"], done.json["left"]) == (ROWS, 0, [])
    assert [(row["reference"], row["rows"]) for row in done.json["keks"]] == [
        (f"file:{hand.folder}/new", ROWS),
        (f"file:{hand.folder}/old", 0),
    ]
    assert done.json["removable"] == [f"file:{hand.folder}/old"]
    name_keys(hand.folder, "new")
    again = hand.run("secret", "rewrap")
    assert again.code == 0
    assert "0 secrets of the store sealed were brought" in again.out
    with opened(f"sqlite:///{hand.folder}/keywright.db") as desk:
        assert opens(desk, kek(hand.folder, "new")) == ROWS


def test_what_does_not_open_stays_and_is_named(hand: Hand) -> None:
    spoil(hand.folder, "name-000003", "name-000900")
    done = hand.run("secret", "rewrap")
    assert done.code == 1
    assert "name-000003, version 1, stays under its key: its data key is damaged" in done.out
    assert "take it out of kek" not in done.out
    again = hand.run("secret", "rewrap", "--json")
    assert again.code == 1
    assert (again.json["done"], again.json["remaining"]) == (0, 2)
    assert [left["name"] for left in again.json["left"]] == ["name-000003", "name-000900"]


def test_with_a_key_that_is_not_there_nothing_is_changed(hand: Hand) -> None:
    name_keys(hand.folder, "new")
    assert "is this the right key?" in hand.run("secret", "rewrap").error
    name_keys(hand.folder, "nowhere", "old")
    assert "there is no such file" in hand.run("secret", "rewrap").error
    assert under_new(hand.folder) == 0
    (hand.folder / "keywright.toml").write_text("")
    assert "has no sealed store" in hand.run("secret", "rewrap").error
    assert "no such sealed store" in named_two(hand).run("secret", "rewrap", "thrid").error


def named_two(hand: Hand) -> Hand:
    """With a second sealed store in the same database."""
    keks = f'kek = "file:{hand.folder}/new"\n'
    text = f'[secrets.sealed]\n{keks}[secrets.third]\nkind = "sealed"\n{keks}'
    (hand.folder / "keywright.toml").write_text(text)
    return hand


def test_of_several_sealed_stores_one_is_named(hand: Hand) -> None:
    assert "name one: sealed, third" in named_two(hand).run("secret", "rewrap").error
    assert hand.run("secret", "rewrap", "third", "--json").json["keks"][0]["rows"] == 0


def test_a_full_disk_ends_it_and_room_lets_it_go_on(hand: Hand) -> None:
    size = (hand.folder / "keywright.db").stat().st_size
    with files_at_most(size // 4):
        assert hand.run("secret", "rewrap").code == 1
    done = under_new(hand.folder)
    assert done < ROWS
    assert hand.run("secret", "rewrap", "--json").json["done"] == ROWS - done


def test_an_interrupt_ends_it_after_a_batch(hand: Hand) -> None:
    def far(done: int, _: int) -> None:
        if not done:
            os.kill(os.getpid(), signal.SIGINT)

    async def ended() -> tuple[object, str, bool]:
        path = hand.folder / "keywright.toml"
        database = await Database.open(f"sqlite:///{hand.folder}/keywright.db")
        try:
            return await _gone_over(SealedStore("sealed", Blueprint(load(path), path, hand.folder, {}), database), far)
        finally:
            await database.close()

    assert asyncio.run(ended()) == ((), "", True)
    done = under_new(hand.folder)
    assert 0 < done < ROWS
    assert hand.run("secret", "rewrap", "--json").json["done"] == ROWS - done


@pytest.mark.timeout(TEST_S)
def test_a_run_that_is_killed_is_gone_on_with(hand: Hand) -> None:
    shell = Shell(hand.folder)
    for _ in range(KILLS):
        before = under_new(hand.folder)
        with shell.start("secret", "rewrap") as process:
            end_s = time.monotonic() + 30.0
            while under_new(hand.folder) == before and process.poll() is None and time.monotonic() < end_s:
                time.sleep(0.01)
        assert under_new(hand.folder) > before
    done = under_new(hand.folder)
    assert hand.run("secret", "rewrap", "--json").json["done"] == ROWS - done
    with opened(f"sqlite:///{hand.folder}/keywright.db") as desk:
        assert opens(desk, kek(hand.folder, "new")) == ROWS
