"""What is kept in memory of secrets, over real files: read again in time, kept while they cannot be read, bounded."""

import asyncio
import logging
import socket
from pathlib import Path
from threading import Event

import pytest
from msgspec.structs import replace

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import Backend, Value
from keywright.vault.backends.env import EnvBackend
from keywright.vault.credential import BearerCredential
from keywright.vault.held import LOOK_PAUSE_S, HeldCredential
from keywright.vault.keeper import RETRY_S, RETRY_S_MAX, THREADS_MAX, TTL_S, Keeper
from keywright.vault.reference import Reference
from keywright.vault.settings import StoreSettings
from keywright.vault.stores import open_vault
from keywright.vault.vault import Vault
from tests.vault.hands import Hands

CANARY = "sk-canary-5f1d0c9e7b"
KEEP_S = 600.0
LOOSE, TIGHT = 0o644, 0o600


class Desk:
    """A keeper over files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hands = Hands(1_800_000_000.0)
        settings = {"file": StoreSettings(keep_s=KEEP_S)}
        self.keeper = Keeper(open_vault(settings, {"A": "from-env"}, folder, ".env"), settings, self.hands.clock)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        path.chmod(TIGHT)
        return f"file:{path}"

    def block(self, name: str, mode: int = LOOSE) -> None:
        (self.folder / name).chmod(mode)

    def held(self, *references: str) -> HeldCredential:
        return HeldCredential(
            "openai", references, self.keeper, lambda secret: BearerCredential("openai", secret), self.hands.clock
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def key_of(desk: Desk, reference: str) -> str:
    return desk.keeper.secret(reference).reveal()


async def test_a_changed_secret_is_read_again_when_its_time_has_come_and_not_before(desk: Desk) -> None:
    reference = desk.write("key", "one")
    await desk.keeper.learn([reference])
    desk.write("key", "two")
    assert not await desk.keeper.refresh()
    assert key_of(desk, reference) == "one"
    desk.hands.pass_by(TTL_S["file"])
    assert await desk.keeper.refresh()
    assert key_of(desk, reference) == "two"


async def test_what_cannot_be_read_keeps_its_last_good_value_for_a_bounded_time_and_is_told_of_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    reference = desk.write("key", CANARY)
    await desk.keeper.learn([reference])
    desk.block("key")
    with caplog.at_level(logging.INFO, "keywright.vault"):
        for _ in range(4):
            desk.hands.pass_by(RETRY_S_MAX)
            assert not await desk.keeper.refresh()
        assert key_of(desk, reference) == CANARY
        (trouble,) = desk.keeper.troubles()
        assert (trouble.store, trouble.reference, trouble.cause) == ("file", reference, "failed")
        assert "chmod 600" in trouble.why
        assert trouble.left_s == pytest.approx(KEEP_S - 4 * RETRY_S_MAX)
        desk.hands.pass_by(KEEP_S)
        with pytest.raises(SecretError, match="chmod 600"):
            desk.keeper.secret(reference)
        desk.block("key", TIGHT)
        await desk.keeper.refresh()
    assert key_of(desk, reference) == CANARY
    assert desk.keeper.troubles() == ()
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert f"counts for another {KEEP_S - RETRY_S_MAX:.0f} s: {reference} " in caplog.text
    assert CANARY not in caplog.text


async def test_what_comes_of_each_question_is_counted(desk: Desk) -> None:
    reference = desk.write("key", "one")
    await desk.keeper.learn([reference, "env:B"])
    desk.block("key")
    await desk.keeper.look(reference)
    assert desk.keeper.reads == {("file", "ok"): 1, ("file", "failed"): 1, ("env", "absent"): 1}


async def test_what_is_not_wanted_any_more_is_read_no_more_and_is_no_trouble(desk: Desk) -> None:
    reference = desk.write("key", "one")
    await desk.keeper.learn([reference])
    desk.block("key")
    await desk.keeper.look(reference)
    desk.keeper.forget_but([])
    assert desk.keeper.troubles() == ()
    assert not await desk.keeper.look(reference)
    with pytest.raises(SecretError, match="not known yet"):
        desk.keeper.value(reference)


async def test_a_store_that_does_not_answer_holds_up_no_other(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {"vault": StoreSettings(address=address, token="env:A")}
        vault = open_vault(settings, {"A": "from-env"}, desk.folder, ".env")
        keeper = Keeper(vault, settings, desk.hands.clock)
        reference = desk.write("key", "one")
        await keeper.learn([reference])
        waits = asyncio.create_task(keeper.learn([f"vault://kv/{number}#key" for number in range(THREADS_MAX * 3)]))
        await asyncio.sleep(0)
        desk.write("key", "two")
        desk.hands.pass_by(TTL_S["file"])
        assert await keeper.refresh()
        assert keeper.secret(reference).reveal() == "two"
        waits.cancel()
    await keeper.close()


class Counting(EnvBackend):
    """Each reading finds another version."""

    reads = 0

    def read(self, reference: Reference) -> Value:
        self.reads += 1
        return replace(super().read(reference), version=str(self.reads))


async def test_the_version_is_the_one_that_was_read_last_though_the_key_is_the_same(desk: Desk) -> None:
    desk.keeper = Keeper(Vault({"env": lambda: Counting({"A": "a"})}), {}, desk.hands.clock)
    await desk.keeper.learn(["env:A"])
    held = desk.held("env:A")
    assert held.version == "1"
    await desk.keeper.look("env:A")
    assert not held.update()
    assert held.version == "2"
    await desk.keeper.close()


async def test_a_fault_of_a_store_s_client_is_trouble_with_that_store(desk: Desk) -> None:
    def broken() -> Backend:
        raise RuntimeError(CANARY)

    keeper = Keeper(Vault({"env": lambda: EnvBackend({"A": "a"}), "vault": broken}), {}, desk.hands.clock)
    await keeper.learn(["env:A", "vault://kv/llm#key"])
    assert keeper.secret("env:A").reveal() == "a"
    (trouble,) = keeper.troubles()
    assert trouble.why == "vault://kv/llm#key: its store's client failed with RuntimeError"
    await keeper.close()


async def test_what_a_store_says_that_is_not_to_be_asked_any_more_is_not_kept_for_long(desk: Desk) -> None:
    asked, go = Event(), Event()

    def slow() -> Backend:
        asked.set()
        assert go.wait(30)
        return EnvBackend({"A": "old"})

    keeper = Keeper(Vault({"env": slow}), {}, desk.hands.clock)
    learning = asyncio.create_task(keeper.learn(["env:A"]))
    assert await asyncio.to_thread(asked.wait, 30)
    keeper.use(Vault({"env": lambda: EnvBackend({"A": "new"})}), {})
    go.set()
    await learning
    await keeper.refresh()
    assert keeper.secret("env:A").reveal() == "new"
    await keeper.close()


async def test_a_store_in_trouble_is_asked_again_less_and_less_often(desk: Desk) -> None:
    reference = desk.write("key", "one")
    await desk.keeper.learn([reference])
    desk.block("key")
    desk.hands.pass_by(TTL_S["file"])
    await desk.keeper.refresh()
    desk.block("key", TIGHT)
    desk.hands.pass_by(RETRY_S * 0.9)
    await desk.keeper.refresh()
    assert desk.keeper.troubles()
    desk.hands.pass_by(RETRY_S * 0.2)
    await desk.keeper.refresh()
    assert not desk.keeper.troubles()


async def test_what_was_never_there_is_told_by_its_reference(desk: Desk) -> None:
    reference = f"file:{desk.folder}/none"
    await desk.keeper.learn([reference, "env:A", "env:B"])
    assert key_of(desk, "env:A") == "from-env"
    for missing in (reference, "env:B"):
        with pytest.raises(SecretAbsentError, match=missing):
            desk.keeper.secret(missing)


async def test_a_document_may_have_lines_and_a_key_may_not(desk: Desk) -> None:
    key, document = desk.write("key", "a\nb"), desk.write("document", "{\n}")
    await desk.keeper.learn([key], [document])
    assert key_of(desk, document) == "{\n}"
    with pytest.raises(SecretError, match="more than one line"):
        desk.keeper.secret(key)


async def test_many_looks_at_one_moment_are_one_reading(desk: Desk) -> None:
    reference = desk.write("key", "one")
    await desk.keeper.learn([reference])
    desk.write("key", "two")
    assert await asyncio.gather(*(desk.keeper.look(reference) for _ in range(50))) == [True] * 50


async def test_another_store_may_take_the_place_of_one_and_what_was_known_counts_until_it_answers(desk: Desk) -> None:
    reference = desk.write("key", "one")
    await desk.keeper.learn([reference])
    desk.keeper.use(open_vault({}, {}, desk.folder, ".env"), {})
    assert key_of(desk, reference) == "one"
    desk.write("key", "two")
    assert await desk.keeper.refresh()


async def test_the_first_reference_that_can_be_read_counts_and_the_others_are_for_when_it_cannot(desk: Desk) -> None:
    first, second = desk.write("first", "key-1"), desk.write("second", "key-1-copy")
    desk.block("first")
    await desk.keeper.learn([first, second])
    held = desk.held(first, second)
    assert held.fingerprint == Secret("key-1-copy").fingerprint
    desk.block("first", TIGHT)
    desk.hands.pass_by(RETRY_S_MAX)
    await desk.keeper.refresh()
    assert held.update()
    assert held.fingerprint == Secret("key-1").fingerprint


async def test_a_refused_key_that_was_replaced_is_found_at_once_by_all_that_were_refused(desk: Desk) -> None:
    reference = desk.write("key", "old")
    await desk.keeper.learn([reference])
    held = desk.held(reference)
    used = await held.current()
    desk.write("key", "new")
    assert await asyncio.gather(*(held.mended(used) for _ in range(20))) == [True] * 20
    assert held.fingerprint == Secret("new").fingerprint
    assert await held.current() is not used
    assert await held.mended(used), "who was refused with the old one later on"


async def test_a_refusal_of_the_only_key_asks_the_store_now_and_then_only(desk: Desk) -> None:
    reference = desk.write("key", "old")
    await desk.keeper.learn([reference])
    held = desk.held(reference)
    used = await held.current()
    assert not await held.mended(used)
    desk.write("key", "new")
    assert not await held.mended(used)
    desk.hands.pass_by(LOOK_PAUSE_S)
    assert await held.mended(used)


async def test_where_the_first_place_still_has_the_refused_key_another_place_counts(desk: Desk) -> None:
    first, second = desk.write("first", "old"), desk.write("second", "new")
    await desk.keeper.learn([first, second])
    held = desk.held(first, second)
    assert await held.mended(await held.current())
    assert held.fingerprint == Secret("new").fingerprint


async def test_a_credential_without_a_key_says_why_and_works_when_there_is_one(desk: Desk) -> None:
    reference = f"file:{desk.folder}/key"
    await desk.keeper.learn([reference])
    held = desk.held(reference)
    assert not held.is_ready
    with pytest.raises(SecretError, match=r"openai: .*no such file"):
        await held.current()
    desk.write("key", "one")
    desk.hands.pass_by(RETRY_S_MAX)
    await desk.keeper.refresh()
    held.update()
    assert (await held.current()).fingerprint == Secret("one").fingerprint
    assert repr(held) == f"<held credential openai {Secret('one').fingerprint}>"
