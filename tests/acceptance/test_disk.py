"""Disks that are full, stores that are broken, ports that are taken: refused in time, told in one line, recovered."""

import asyncio
import contextlib
import resource
import shutil
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.crowd import Seen, Visit, exchanges_by_call, visits
from tests.acceptance.program import (
    FILE,
    Program,
    configuration,
    gateway,
    launched,
    ledger,
    rolled_up,
    until,
    up,
)
from tests.client import ask
from tests.gateway import ADMIN_KEY, CHAT, DATABASE, chat_body, environment
from tests.standin.cloud import StandIn
from tests.standin.script import Script
from tests.store.disks import mounted

MODEL = "openai/gpt-4o"
CROWD = 700
"""More calls, open at once, than one segment of the spool has room for."""
HELD = Script(text="done", head_delay_s=3.0)
FILE_BYTES_MAX = 64 * 1024


def asked(name: str, calls: int, mark: str = "") -> list[Visit]:
    """So many calls, each by its own name."""
    names = [f"{name}-{number}" for number in range(calls)]
    return [Visit(each, CHAT, chat_body(MODEL, f"{mark} <call {each}>"), ADMIN_KEY) for each in names]


@contextlib.contextmanager
def full_disk(disk: Path) -> Iterator[None]:
    """Within it, not a byte more goes on `disk`."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def files_at_most(program: Program, size: int) -> Iterator[None]:
    """Within it, the program can make no file larger than that: full, for whom no disk can be mounted."""
    soft, hard = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_calls_before_they_are_sent_and_is_forgotten_when_there_is_room(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    with mounted(tmp_path / "disk", "size=6m") as disk:
        config = configuration(openai_cloud, anthropic_cloud).replace("///test.db", "///disk/test.db")
        with up(tmp_path, config, environment(openai_cloud, anthropic_cloud)) as program:
            overwhelm(program, disk, full_disk(disk), openai_cloud)


def test_a_limit_on_files_refuses_calls_as_a_full_disk_does(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    with gateway(tmp_path, openai_cloud, anthropic_cloud) as program:
        overwhelm(program, tmp_path, files_at_most(program, FILE_BYTES_MAX), openai_cloud)


def overwhelm(program: Program, folder: Path, full: contextlib.AbstractContextManager[None], cloud: StandIn) -> None:
    """Ask for more than fits while it is `full`, and again when there is room; `folder` has the store."""
    assert all(seen.status == 200 for seen in asyncio.run(visits(program.url, asked("before", 5))))
    with full:
        crowd = asyncio.run(visits(program.url, asked("crowd", CROWD, cloud.script(HELD, always=True))))
        until(lambda: program.metrics()["keywright_ledger_retries_total"] > 0, 10.0, "nothing was found to be full")
        until(lambda: "calls are recorded in the spool only" in program.err, 30.0, "the operator was not told")
        assert ask(program.url, "GET", "/health/live").status == 200
    taken = check_taken(crowd, cloud)
    assert all(seen.status == 200 for seen in asyncio.run(visits(program.url, asked("after", 5))))
    until(program.is_idle, 30.0, "what had to wait is not stored")
    until(lambda: "calls are recorded in the store again" in program.err, 30.0, "the operator was not told")
    told = [line for line in program.err.splitlines() if "calls are recorded" in line]
    assert len(told) == 2
    assert "Traceback" not in program.err
    dropped = program.metrics()["keywright_ledger_dropped_total"]
    assert program.stop() == 0
    lines = ledger(folder)
    done = [line.call for line in lines if line.outcome == "ok"]
    assert sorted(done) == sorted(
        [*taken, *(f"{name}-{number}" for name in ("before", "after") for number in range(5))]
    )
    assert len(lines) + dropped == CROWD + 10  # a refused call for which there was no room is counted instead
    print(f"{len(taken)} of {CROWD} taken, {CROWD - len(taken)} refused, {dropped:.0f} of these only counted")


def check_taken(crowd: list[Seen], cloud: StandIn) -> list[str]:
    """Each call was answered, or refused before its provider heard of it. The names of those that were answered."""
    exchanges = exchanges_by_call(cloud)
    taken = [seen.visit.call for seen in crowd if seen.status == 200]
    refused = [seen for seen in crowd if seen.status != 200]
    assert taken
    assert refused
    for seen in refused:
        assert (seen.status, seen.complete, seen.headers["retry-after"]) == (503, True, "1")
        assert b"cannot record more calls" in seen.body
        assert seen.visit.call not in exchanges
    return taken


def test_a_store_on_a_disk_that_is_read_only_is_one_line(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    clouds = (openai_cloud, anthropic_cloud)
    with mounted(tmp_path / "disk", "size=20m") as disk:
        config = configuration(*clouds).replace("///test.db", "///disk/test.db")
        with up(tmp_path, config, environment(*clouds)) as program:
            assert program.stop() == 0
        mount = shutil.which("mount")
        assert mount is not None
        subprocess.run([mount, "-o", "remount,ro", disk], check=True, timeout=10.0)
        said = refused_in_one_line(tmp_path, environment(*clouds), 1)
    assert "disk/test.db" in said
    assert "write access" in said


def test_a_port_that_is_taken_is_one_line(tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = f"[server]\nport = {port}\n"
        (tmp_path / FILE).write_text(configuration(openai_cloud, anthropic_cloud, server))
        said = refused_in_one_line(tmp_path, environment(openai_cloud, anthropic_cloud), 2)
    assert said.startswith(f"cannot listen on 127.0.0.1:{port}: Address already in use; ")
    assert not (tmp_path / DATABASE).exists()


def test_a_store_that_cannot_be_used_is_one_line_and_is_not_touched(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    database = tmp_path / DATABASE
    with gateway(tmp_path, openai_cloud, anthropic_cloud) as program:
        asyncio.run(visits(program.url, asked("first", 20)))
        assert program.stop() == 0
    written = database.read_bytes()
    words = {"no database": "is not a SQLite database", "damaged": "is damaged", "newer": "at revision 9999"}
    for how, why in words.items():
        database.write_bytes(written)
        spoil(database, how)
        before = database.read_bytes()
        (tmp_path / "stderr.txt").unlink(missing_ok=True)
        said = refused_in_one_line(tmp_path, environment(openai_cloud, anthropic_cloud), 1)
        assert said.startswith("the database ")
        assert why in said
        assert database.read_bytes() == before


def spoil(database: Path, how: str) -> None:
    """Make it what no version of ours has written."""
    if how == "no database":
        database.write_bytes(b"these are the minutes of our last meeting\n" * 500)
    elif how == "damaged":
        content = database.read_bytes()
        database.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    else:
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")


def refused_in_one_line(folder: Path, variables: dict[str, str], code: int) -> str:
    """What a start says that fails with that exit code."""
    (folder / "stdout.txt").unlink(missing_ok=True)
    with launched(folder, variables, "up", "--json", "--config", FILE) as program:
        assert program.ended(10.0) == code
        assert program.out == ""
        (line,) = program.err.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def test_two_gateways_on_one_store_record_exactly_and_another_recovers_what_one_of_them_left(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    clouds = (openai_cloud, anthropic_cloud)
    calls = 400
    with gateway(tmp_path, *clouds) as one, gateway(tmp_path, *clouds) as other:
        at_once(one, other, calls)
        for program in (one, other):
            until(program.is_idle, 30.0, "entries are left over")
            assert program.metrics()["keywright_ledger_written_total"] == calls
        held = asked("held", 10, openai_cloud.script(Script(text="x", head_delay_s=30.0), always=True))
        clients = threading.Thread(target=lambda: asyncio.run(visits(other.url, held)))
        clients.start()
        until(lambda: other.metrics()["keywright_calls_running"] == 10, 30.0, "the calls do not run")
        other.kill()
        clients.join()
        with gateway(tmp_path, *clouds) as third:
            found = [program.metrics()["keywright_ledger_lost_total"] for program in (one, third)]
            assert sum(found) == 10  # whoever looked first: the one that lived on, or the one that started
            at_once(one, third, 20, "again")
            assert third.stop() == 0
        assert one.stop() == 0
    lines = ledger(tmp_path)
    done = [line.call for line in lines if line.outcome == "ok"]
    assert len(done) == len(set(done)) == 2 * calls + 2 * 20
    assert sum(line.outcome == "lost" for line in lines) == 10
    assert rolled_up(tmp_path) == (len(lines), sum(line.cost for line in lines))
    assert not any((tmp_path / "test.spool").iterdir())


def at_once(one: Program, other: Program, calls: int, name: str = "call") -> None:
    """Ask so much of each of them, of both at the same time."""
    threads = [
        threading.Thread(target=lambda url=url, who=who: asyncio.run(visits(url, asked(f"{name}-{who}", calls))))
        for who, url in (("one", one.url), ("other", other.url))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
