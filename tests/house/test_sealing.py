"""Sealed stores of one database, each of its own name: what one has, no other sees or opens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from keywright.core.clock import SYSTEM_CLOCK
from keywright.core.errors import SecretAbsentError, SecretError
from keywright.core.sealed import SECRET, SealedSecret
from keywright.core.secret import Secret
from keywright.house.stores.sealing import bare_opener, sealed_opener, tenant_of
from keywright.store.database import Database
from keywright.store.schema import SEALED
from keywright.vault.reference import parse
from keywright.vault.sealed.envelope import Slot, seal
from keywright.vault.sealed.keys import new_kek
from keywright.vault.settings import StoreSettings
from keywright.vault.stores import open_vault
from keywright.vault.vault import Vault
from tests.vault.sealed.samples import key_of, local_kek

CANARY = "sk-canary-77e0b1"


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    opened = await Database.open("sqlite://")
    yield opened
    await opened.close()


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    """Three sealed stores, all of whose keys are the same one."""
    path = tmp_path / "kek"
    path.write_text(new_kek(lambda size: key_of("first")[:size]))
    path.chmod(0o600)
    kek = (f"file:{path}",)
    settings = {"sealed": StoreSettings(kek=kek)} | {
        name: StoreSettings(kind="sealed", kek=kek) for name in ("shop", "bank")
    }
    opened = open_vault(settings, {}, tmp_path, ".env", sealed_opener(database, settings, {}, SYSTEM_CLOCK))
    yield opened
    opened.close()


async def put(vault: Vault, text: str, value: str) -> None:
    place = parse(text, vault.stores)
    await asyncio.to_thread(vault.backend(place).write, place, Secret(value))


async def got(vault: Vault, text: str) -> str:
    return (await asyncio.to_thread(vault.resolve, text)).reveal()


async def names(vault: Vault, store: str) -> list[str]:
    found = await asyncio.to_thread(vault.backend(parse(f"{store}:any", vault.stores)).names)
    return [reference.name for reference in found]


async def rows(database: Database) -> dict[str, SealedSecret]:
    """The secrets, by their tenants."""
    columns = [SEALED.c[name] for name in SealedSecret.__struct_fields__]
    query = select(*columns).where(SEALED.c.purpose == SECRET)
    return await database.read(
        lambda connection: {row.tenant: row for row in (SealedSecret(*found) for found in connection.execute(query))}
    )


async def test_two_stores_see_nothing_of_each_other(vault: Vault) -> None:
    for store in ("sealed", "shop", "bank"):
        with pytest.raises(SecretAbsentError):
            await got(vault, f"{store}:openai")
        await put(vault, f"{store}:openai", f"{CANARY}-{store}")
    await put(vault, "shop:cohere", CANARY)
    assert [await got(vault, f"{store}:openai") for store in ("sealed", "shop", "bank")] == [
        f"{CANARY}-sealed",
        f"{CANARY}-shop",
        f"{CANARY}-bank",
    ]
    assert [await names(vault, store) for store in ("sealed", "shop", "bank")] == [
        ["openai"],
        ["cohere", "openai"],
        ["openai"],
    ]


@pytest.mark.parametrize("columns", [("ciphertext",), ("data_key",), ("ciphertext", "data_key")], ids="+".join)
@pytest.mark.parametrize(("source", "target"), [("shop", "bank"), ("sealed", "bank"), ("shop", "sealed")])
async def test_what_was_sealed_for_one_store_opens_in_no_other(
    vault: Vault, database: Database, source: str, target: str, columns: tuple[str, ...]
) -> None:
    for store in (source, target):
        await put(vault, f"{store}:openai", f"{CANARY}-{store}")
    found = await rows(database)
    moved = {column: getattr(found[tenant_of(source)], column) for column in columns}
    where = SEALED.c.tenant == tenant_of(target), SEALED.c.purpose == SECRET
    await database.write(lambda connection: connection.execute(update(SEALED).where(*where).values(**moved)))
    with pytest.raises(SecretError, match=f"^{target}:openai: its .* was (wrapped|sealed) for another") as refused:
        await got(vault, f"{target}:openai")
    assert CANARY not in str(refused.value)
    assert await got(vault, f"{source}:openai") == f"{CANARY}-{source}"


async def test_a_whole_row_that_is_said_to_be_another_store_s_is_refused(vault: Vault, database: Database) -> None:
    await put(vault, "shop:openai", CANARY)
    values = {"tenant": tenant_of("bank")}
    where = SEALED.c.tenant == tenant_of("shop"), SEALED.c.purpose == SECRET
    await database.write(lambda connection: connection.execute(update(SEALED).where(*where).values(**values)))
    with pytest.raises(SecretError, match=r"^bank:openai: its data key is damaged, or was wrapped for another row"):
        await got(vault, "bank:openai")


async def test_the_plain_store_s_rows_are_those_of_the_organisation(vault: Vault, database: Database) -> None:
    row = seal(CANARY.encode(), Slot("organisation", "openai", 1, SECRET), local_kek("first"), lambda size: b"r" * size)
    await database.write(
        lambda connection: connection.execute(
            SEALED.insert().values(**{name: getattr(row, name) for name in row.__struct_fields__}, created_s=1)
        )
    )
    assert await got(vault, "sealed:openai") == CANARY


@pytest.mark.parametrize("store", ["sealed", "shop"])
def test_a_store_without_a_key_says_in_which_table_it_belongs(tmp_path: Path, store: str) -> None:
    settings = {store: StoreSettings(kind="sealed")}
    vault = open_vault(settings, {}, tmp_path, ".env", bare_opener(settings, {}, ""))
    with pytest.raises(SecretError, match=rf"needs \[secrets\.{store}\] with kek"):
        vault.resolve(f"{store}:openai")
