"""Keys of every kind of provider replaced under load, killed at every step: no call fails, and one key is left."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from keywright.core.rotation import Rotation
from tests.acceptance.program import FILE, PROGRAM, SPOOL, Program, until, up
from tests.acceptance.scale import SOAK
from tests.acceptance.traffic import Traffic, traffic
from tests.acceptance.vendors import VENDORS, Vendor, kept
from tests.gateway import ADMIN_KEY, DATABASE

CALLERS: Final = 2
CALLS_MIN: Final = 10_000
CALLS_AFTER: Final = 100
"""With the new key alone."""

WITHIN_S: Final = 600.0
LOOK_S: Final = 0.005
CLAIM_S: Final = 60
"""How long who dies keeps others from going on."""

DAYS_31_S: Final = 31 * 86_400
MOMENTS: Final = (
    "create",
    "create, done",
    "verify",
    "switch",
    "switch, done",
    "drain",
    "disable",
    "disable, done",
    "delete",
)
"""The steps; "done" is what a step writes down before it is over. Not every provider's keys come by all of them."""

pytestmark = [
    pytest.mark.skipif(not SOAK, reason="takes minutes: part of `make soak`; a short form is tests/house"),
    pytest.mark.timeout(1200),
]


class Store:
    """The rotations in the store of a gateway, looked at from outside."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / DATABASE

    def last(self) -> tuple[Rotation, str] | None:
        """The newest rotation, and who is at it: "" for nobody."""
        query = "SELECT document, claimed_by FROM rotations ORDER BY began_s DESC, id DESC LIMIT 1"
        with self._open() as database:
            found = database.execute(query).fetchone()
        return None if found is None else (msgspec.json.decode(found[0], type=Rotation), found[1])

    def has_come_to(self, moment: str) -> bool:
        """Whether the newest rotation is at `moment`, or a later one, or over."""
        found = self.last()
        return found is not None and (bool(found[0].outcome) or reached(found[0]) >= MOMENTS.index(moment))

    @property
    def is_over(self) -> bool:
        """Whether there was a rotation, and none goes on."""
        found = self.last()
        return found is not None and bool(found[0].outcome)

    def hand_over(self, to: str) -> bool:
        """Let `to` be the first that goes on, where nobody is at it or who was has died, as if that claim had run out.
        Whether `to` is the one that is at it.
        """
        found = self.last()
        if found is None or found[0].outcome or (found[1] != to and is_alive(found[1])):
            return False
        change = "UPDATE rotations SET claimed_by = ?, claimed_until_s = ? WHERE claimed_by = ? AND ended_s = 0"
        with self._open() as database, database:
            return database.execute(change, (to, int(time.time()) + CLAIM_S, found[1])).rowcount == 1

    def make_older(self, credential: str, by_s: int) -> bool:
        """Let the credential's key be known for longer; False while it is not known."""
        change = "json_set(document, '$.since_s', json_extract(document, '$.since_s') - ?)"
        with self._open() as database, database:
            query = f"UPDATE credentials SET document = {change} WHERE name = ?"
            return database.execute(query, (by_s, credential)).rowcount == 1

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=30.0)) as database:
            yield database


def reached(rotation: Rotation) -> int:
    """The last of the moments to which the rotation has come."""
    is_done = {"create": rotation.tried_s, "switch": rotation.written_s, "disable": rotation.disabled_s}
    name = f"{rotation.step}, done" if is_done.get(rotation.step) else rotation.step
    return MOMENTS.index(name)


class Command:
    """`keywright rotate`, called again and again."""

    def __init__(self, folder: Path, kind: str, vendor: Vendor) -> None:
        self._folder = folder
        self._words = [str(PROGRAM), "rotate", kind, "--yes", "--config", FILE]
        self._variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            **vendor.variables,
        }
        self._pasted = f"{vendor.pasted}\n"
        self._store = Store(folder)

    def killed_at(self, moment: str) -> bool:
        """Kill it at `moment`, or later, while it is at the rotation. Whether it was: not, when that was over."""
        was_at_it = False

        def has_come() -> bool:
            nonlocal was_at_it
            holder = self._holder(process.pid)
            was_at_it = bool(holder) and self._store.hand_over(holder)
            return process.poll() is not None or (was_at_it and self._store.has_come_to(moment))

        with self._called() as process:
            until(has_come, WITHIN_S, f"it never was at {moment!r}")
            return was_at_it

    def finish(self) -> int:
        """Its exit code, when it is left alone."""
        with self._called() as process:
            return process.wait(WITHIN_S)

    def _holder(self, pid: int) -> str:
        """Its name in the store, once it has one."""
        return next((path.name for path in (self._folder / SPOOL).iterdir() if pid_of(path.name) == pid), "")

    @contextlib.contextmanager
    def _called(self) -> Iterator["subprocess.Popen[str]"]:
        paste = self._folder / "pasted"
        kept(paste, self._pasted)
        with paste.open() as pasted, (self._folder / "rotate.txt").open("a") as out:
            process = subprocess.Popen(
                self._words, cwd=self._folder, env=self._variables, stdin=pasted, stdout=out, stderr=out, text=True
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def pid_of(holder: str) -> int:
    """The process of that name in the store."""
    return int(holder.split("-")[1])


def is_alive(holder: str) -> bool:
    """Whether it runs; nobody does not."""
    return bool(holder) and Path(f"/proc/{pid_of(holder)}").exists()


def configuration(kind: str, vendor: Vendor, key: str, extra: str = "") -> str:
    return f"""
[server]
port = 0
workers = 2
[store]
url = "sqlite:///{DATABASE}"
[providers.{kind}]
base_url = "{vendor.url}"
api_key = "{key}"
models = ["m"]
{extra}
{vendor.table}
[[prices]]
model = "{kind}/m"
input = "1"
output = "1"
"""


def check_end(folder: Path, vendor: Vendor, seen: Traffic, kind: str, began_s: float) -> None:
    """One key works, which is the one that is stored, and none that was known before; no call has failed."""
    seconds = time.monotonic() - began_s
    print(f"{kind}: {seen.statuses.total()} calls, {seen.failed} failed, {seen.cut} cut, {seconds:.0f} s")
    found = Store(folder).last()
    assert found is not None
    print(*(f"{past.step}: {past.what}" for past in found[0].past), sep="\n")
    assert found[0].outcome == "done", found[0].trouble
    assert seen.failed == 0, seen.said
    stored, working = (folder / "key").read_text().strip(), vendor.working()
    assert stored in working
    assert len(working) == vendor.slots, "an orphan is left"
    assert stored not in vendor.known
    assert not set(working) & {vendor.key, *vendor.known}


@pytest.mark.parametrize("kind", VENDORS)
def test_killed_at_each_step_a_command_leaves_one_key_and_ten_thousand_calls_succeed(kind: str, tmp_path: Path) -> None:
    began_s = time.monotonic()
    with VENDORS[kind](tmp_path) as vendor:
        text = configuration(kind, vendor, kept(tmp_path / "key", vendor.key))
        with up(tmp_path, text, {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY, **vendor.variables}) as program:
            command = Command(tmp_path, kind, vendor)
            with traffic(program.url, [f"{kind}/m"], CALLERS, CALLS_MIN, WITHIN_S) as seen:
                hits = [command.killed_at(moment) for moment in MOMENTS]
                if not Store(tmp_path).is_over:
                    assert command.finish() == 0
                vendor.by_hand(vendor.key)
                for _ in range(CALLS_AFTER):
                    seen.call(f"{kind}/m")
            assert program.stop() == 0
        assert seen.cut == 0
        print(f"killed {len(hits)} times, {sum(hits)} of them while it was at the rotation itself")
        check_end(tmp_path, vendor, seen, kind, began_s)


def test_killed_at_each_step_a_gateway_that_rotates_by_schedule_leaves_one_key(tmp_path: Path) -> None:
    began_s, kills = time.monotonic(), 0
    with VENDORS["openai"](tmp_path) as vendor:
        text = configuration("openai", vendor, kept(tmp_path / "key", vendor.key), 'rotate_every = "30d"')
        with up(tmp_path, text, {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY, **vendor.variables}) as program:
            store = Store(tmp_path)
            with traffic(program.url, ["openai/m"], CALLERS, CALLS_MIN, WITHIN_S) as seen:
                until(lambda: store.make_older("openai", DAYS_31_S), WITHIN_S, "the key is not known")
                for moment in MOMENTS:
                    kills += kill_worker_at(program, store, moment)
                until(lambda: store.is_over, WITHIN_S, "the rotation has no end")
                for _ in range(CALLS_AFTER):
                    seen.call("openai/m")
            assert program.stop() == 0
        print(f"{kills} workers killed")
        assert seen.cut <= kills * CALLERS
        check_end(tmp_path, vendor, seen, "openai", began_s)


def kill_worker_at(program: Program, store: Store, moment: str) -> int:
    """Kill the worker that is at the rotation, at `moment` or later. How many were killed: none, once it is over."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        found = store.last()
        if found is not None and found[0].outcome:
            return 0
        if found is not None and found[1] and store.has_come_to(moment) and pid_of(found[1]) in program.workers:
            os.kill(pid_of(found[1]), signal.SIGKILL)
            print(f"a worker killed at {found[0].step!r}")
            return 1
        time.sleep(LOOK_S)
    raise AssertionError(f"no worker was at {moment!r}")
