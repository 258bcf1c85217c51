"""`keywright up --workers N`: one address, several processes; who dies is replaced, and who is told to stop, stops."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from keywright.core.json import JsonObject
from tests.acceptance.crowd import Seen, Visit, visit, visits
from tests.acceptance.program import FILE, Program, configuration, gateway, launched, ledger, until, up
from tests.acceptance.scale import SOAK
from tests.acceptance.test_shutdown import STREAMS, Streams, check_cut, knocks
from tests.client import ask
from tests.gateway import ADMIN_KEY, CHAT, chat_body, environment
from tests.postgres import PostgresServer
from tests.standin.cloud import StandIn
from tests.standin.script import Script

WORKERS = 3
SETTINGS = "[server]\nport = {port}\nworkers = 3\nshutdown_s = {shutdown_s}\n"
OPENAI = "openai/gpt-4o-mini"
CLIENTS = 12
LOST_STREAMS = 30
REPLACED_S = 2.0 if SOAK else 15.0
PRIVATE_KB_MAX = 45 * 1024
NODE = slice(len("req_") + 13, len("req_") + 13 + 10)
"""Where a call's name tells by which process it was served."""

Clouds = tuple[StandIn, StandIn]


@pytest.fixture
def clouds(openai_cloud: StandIn, anthropic_cloud: StandIn) -> Clouds:
    return openai_cloud, anthropic_cloud


@contextlib.contextmanager
def workers(folder: Path, clouds: Clouds, shutdown_s: float = 20, port: int = 0) -> Iterator[Program]:
    """A gateway of three workers. Afterwards nothing of it is left: no process, no port, no spool."""
    with gateway(folder, *clouds, SETTINGS.format(port=port, shutdown_s=shutdown_s)) as program:
        pids = program.workers
        assert len(pids) == WORKERS
        yield program
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30.0, "a worker is left")
    with pytest.raises(ConnectionError):
        ask(program.url, "GET", "/health/live")
    assert not any((folder / "test.spool").iterdir())


def samples(url: str) -> dict[tuple[str, str], float]:
    """What `/metrics` says of calls, the ledger and the workers: by name and the label that tells, if any."""
    families = text_string_to_metric_families(ask(url, "GET", "/metrics").body.decode())
    return {
        (sample.name, sample.labels.get("worker") or sample.labels.get("outcome", "")): sample.value
        for family in families
        for sample in family.samples
        if "le" not in sample.labels and "direction" not in sample.labels
    }


def started(url: str) -> list[float]:
    """How often each worker has been started, by what they say themselves."""
    page = samples(url)
    return [page["keywright_worker_starts_total", str(number)] for number in range(1, WORKERS + 1)]


def calls(name: str, number: int) -> list[Visit]:
    return [Visit(f"{name}-{each}", CHAT, chat_body(OPENAI), ADMIN_KEY) for each in range(number)]


def stored(folder: Path, number: int) -> None:
    """Wait until the ledger has so many entries."""
    until(lambda: len(ledger(folder)) >= number, 30.0, "entries are missing")


def told(program: Program, number: int) -> None:
    """Wait until whoever is asked tells of so many calls that went well, and that they are written down."""

    def counted() -> bool:
        pages = [samples(program.url) for _ in range(10)]
        names = ("keywright_calls_total", "ok"), ("keywright_ledger_written_total", "")
        return all(page[name] == number for page in pages for name in names)

    until(counted, 30.0, "calls are not counted")


def test_every_worker_answers_and_any_of_them_tells_of_all(tmp_path: Path, clouds: Clouds) -> None:
    with workers(tmp_path, clouds) as program:
        seen = asyncio.run(visits(program.url, calls("call", 90)))
        assert {one.status for one in seen} == {200}
        by_worker = {one.request_id[NODE] for one in seen}
        assert len(by_worker) == WORKERS
        stored(tmp_path, 90)
        told(program, 90)
        pages = [samples(program.url) for _ in range(10)]
        for page in pages:
            assert page["keywright_calls_total", "ok"] == page["keywright_ledger_written_total", ""] == 90
            assert page["keywright_call_seconds_count", ""] == 90
        assert started(program.url) == [1] * WORKERS
        assert program.stop() == 0
        assert program.err == ""


class Load:
    """Clients who ask and ask, in a thread, until they are told to stop. `seen`: what came of each call."""

    def __init__(self, url: str) -> None:
        self.seen: list[Seen] = []
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask(number) for number in range(CLIENTS)))

    async def _ask(self, client: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self.seen.append(await visit(self._url, Visit(f"{client}-{number}", CHAT, chat_body(OPENAI), ADMIN_KEY)))


def running(program: Program, number: int) -> float:
    """How many calls that worker says are running."""
    return samples(program.url)["keywright_worker_calls_running", str(number)]


def lost_are_told(program: Program) -> bool:
    """Whether the ledger has lost calls, and the workers tell of as many."""
    lost = sum(line.outcome == "lost" for line in ledger(program.folder))
    return 0 < lost == samples(program.url)["keywright_ledger_lost_total", ""]


def test_a_killed_worker_costs_its_own_calls_and_is_replaced(tmp_path: Path, clouds: Clouds) -> None:
    mark = clouds[0].script(Script(words=60, pace_s=0.1), always=True)
    body: JsonObject = {**chat_body(OPENAI, mark), "stream": True}
    streams = [Visit(f"stream-{number}", CHAT, body, ADMIN_KEY) for number in range(LOST_STREAMS)]
    heard: list[Seen] = []
    with workers(tmp_path, clouds) as program:
        listeners = threading.Thread(target=lambda: heard.extend(asyncio.run(visits(program.url, streams))))
        listeners.start()
        until(lambda: clouds[0].running == LOST_STREAMS, 30.0, "the streams do not run")
        until(lambda: sum(running(program, 1 + each) for each in range(WORKERS)) == LOST_STREAMS, 30.0, "not told")
        on_it = running(program, 2)
        load = Load(program.url)
        time.sleep(1.0)
        os.kill(program.workers[1], signal.SIGKILL)
        killed_at = time.monotonic()
        until(lambda: samples(program.url)["keywright_worker_starts_total", "2"] == 2, REPLACED_S, "it is not replaced")
        replaced_s = time.monotonic() - killed_at
        time.sleep(1.0)
        load.stop()
        listeners.join()
        broken = [one for one in load.seen if one.broke]
        lost_streams = [one for one in heard if one.broke]
        assert len(program.workers) == WORKERS
        assert 0 < len(lost_streams) == on_it
        assert len(broken) <= CLIENTS  # what each client had asked of the killed one
        assert all(one.status == 200 for one in load.seen if not one.broke)
        until(lambda: samples(program.url)["keywright_calls_running", ""] == 0, 30.0, "calls are left over")
        until(lambda: lost_are_told(program), 30.0, "what was lost is not told")
        ended = {one.request_id for one in load.seen + heard if one.complete}
        until(lambda: ended <= {line.id for line in ledger(tmp_path)}, 30.0, "answered calls are not in the ledger")
        lines = {line.id: line for line in ledger(tmp_path)}
        page = samples(program.url)
        assert program.stop() == 0
        assert program.err.splitlines() == ["ERROR: worker 2 was ended by SIGKILL; another takes its place now"]
    assert all(lines[one.request_id].outcome == "ok" for one in load.seen + heard if one.complete)
    assert {lines[one.request_id].outcome for one in lost_streams} == {"lost"}
    lost = sum(line.outcome == "lost" for line in lines.values())
    assert page["keywright_ledger_lost_total", ""] == lost <= on_it + len(broken)
    answered = sum(line.outcome == "ok" for line in lines.values())
    counted = page["keywright_calls_total", "ok"]
    assert 0.5 * answered < counted <= answered  # but for what the killed one counted within its last half second
    print(
        f"replaced after {replaced_s:.2f} s; {len(load.seen)} calls, {len(broken)} of them and {len(lost_streams)} of "
        f"{LOST_STREAMS} streams broke; {lost} lost; {answered} answered, {counted:.0f} counted"
    )


def test_what_was_counted_by_a_worker_that_died_is_told_on(tmp_path: Path, clouds: Clouds) -> None:
    with workers(tmp_path, clouds) as program:
        asyncio.run(visits(program.url, calls("call", 60)))
        stored(tmp_path, 60)
        told(program, 60)
        for pid in program.workers:
            os.kill(pid, signal.SIGKILL)
        until(lambda: started(program.url) == [2] * WORKERS, 30.0, "they are not replaced")
        page = samples(program.url)
        assert page["keywright_calls_total", "ok"] == 60
        assert page["keywright_calls_running", ""] == 0
        assert program.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_streams_of_all_workers_finish(tmp_path: Path, clouds: Clouds, number: signal.Signals) -> None:
    with workers(tmp_path, clouds) as program:
        streams = Streams(program, clouds, Script(words=20, pace_s=0.2))
        if number == signal.SIGINT:
            program.interrupt()
        else:
            program.signal(number)
        assert knocks(program.url)[-1] == "refused"
        assert all(seen.complete for seen in streams.seen)
        answered_at = time.monotonic()
        assert program.ended() == 0
        print(f"ended {time.monotonic() - answered_at:.2f} s after the last answer")
        assert time.monotonic() - answered_at < 10.0  # not at the deadline
        assert program.err == ""
    assert [line.outcome for line in ledger(tmp_path)] == ["ok"] * STREAMS


def test_a_second_interrupt_cuts_the_calls_of_all_workers(tmp_path: Path, clouds: Clouds) -> None:
    with workers(tmp_path, clouds, shutdown_s=60) as program:
        streams = Streams(program, clouds, Script(words=300, pace_s=0.2))
        program.interrupt()
        time.sleep(0.5)
        assert program.process.poll() is None
        began = time.monotonic()
        program.interrupt()
        assert program.ended() == 0
        assert time.monotonic() - began < 30.0  # the deadline is a minute
        check_cut(tmp_path, streams.seen, clouds)


def test_workers_whose_supervisor_is_killed_finish_what_runs_and_end(tmp_path: Path, clouds: Clouds) -> None:
    with workers(tmp_path, clouds) as program:
        streams = Streams(program, clouds, Script(words=10, pace_s=0.2))
        program.kill()
        assert all(seen.complete for seen in streams.seen)
    assert program.err.count("the supervisor is gone") == WORKERS
    assert [line.outcome for line in ledger(tmp_path)] == ["ok"] * STREAMS


def test_an_address_that_another_gateway_has_is_refused(tmp_path: Path, clouds: Clouds) -> None:
    with workers(tmp_path, clouds) as program:
        for count in (1, WORKERS):
            other = tmp_path / f"other {count}"
            other.mkdir()
            (other / FILE).write_text((tmp_path / FILE).read_text())
            words = ("up", "--config", FILE, "--port", program.url.rpartition(":")[2], "--workers", str(count))
            with launched(other, environment(*clouds), *words) as refused:
                assert refused.ended() == 2
                assert "is another gateway running?" in refused.err
                assert len(refused.err.splitlines()) == 1
                assert not (other / "test.db").exists()
        assert program.stop() == 0


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ('[providers.groq]\napi_key = "env:NOT_SET"\n', "env:NOT_SET is not set"),
        ("[providers", "keywright.toml:"),
    ],
)
def test_what_is_wrong_with_the_configuration_is_told_once(
    tmp_path: Path, clouds: Clouds, setting: str, why: str
) -> None:
    config = configuration(*clouds, SETTINGS.format(port=0, shutdown_s=5)) + setting
    (tmp_path / FILE).write_text(config)
    with launched(tmp_path, environment(*clouds), "up", "--config", FILE) as program:
        assert program.ended() == 2
        assert why in program.err
        assert len(program.err.splitlines()) == 1


def test_a_replaced_worker_goes_by_the_file_as_it_is_now_and_by_the_old_one_where_that_is_broken(
    tmp_path: Path, clouds: Clouds
) -> None:
    with workers(tmp_path, clouds) as program:
        file = tmp_path / FILE
        file.write_text(file.read_text() + f'[models.new]\nroute = ["{OPENAI}"]\n')
        until(lambda: program.err.count("counts now") == WORKERS, 30.0, "the file is not read")
        kill_all(program)
        seen = asyncio.run(visits(program.url, [Visit("new", CHAT, chat_body("new"), ADMIN_KEY)] * 12))
        assert {one.status for one in seen} == {200}
        file.write_text('[providers.openai]\napi_key = "env:NOT_SET"\n')
        kill_all(program)
        seen = asyncio.run(visits(program.url, calls("old", 12)))
        assert {one.status for one in seen} == {200}
        assert program.stop() == 0


def kill_all(program: Program) -> None:
    """Kill every worker; their successors find in their queues whoever comes meanwhile."""
    for pid in program.workers:
        os.kill(pid, signal.SIGKILL)


def memory_kb(pid: int, kind: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind))


def test_connections_are_dealt_out_evenly_and_a_worker_takes_little_memory(tmp_path: Path, clouds: Clouds) -> None:
    """A crowd that comes at once and stays, as the pools of clients do."""
    with workers(tmp_path, clouds) as program:
        asyncio.run(visits(program.url, calls("call", 300)))
        private_kb = [memory_kb(pid, "Private_Dirty:") for pid in program.workers]
        share_kb = [memory_kb(pid, "Pss:") for pid in (program.process.pid, *program.workers)]
        print(f"private {private_kb} KiB; shares {share_kb} KiB, together {sum(share_kb)}")
        assert max(private_kb) < PRIVATE_KB_MAX
        host, port = "127.0.0.1", int(program.url.rpartition(":")[2])
        with contextlib.ExitStack() as stack:
            for _ in range(240):
                stack.enter_context(socket.create_connection((host, port)))
            until(lambda: sum(map(sockets, program.workers)) >= 240, 30.0, "connections are not taken")
            time.sleep(0.5)  # for those few beyond what the workers have open in any case
            held = [sockets(pid) for pid in program.workers]
        print(f"240 connections: {held}")
        assert max(held) < 2 * min(held)
        assert program.stop() == 0


def sockets(pid: int) -> int:
    """How many sockets that process has open."""
    return sum(str(each.readlink()).startswith("socket:") for each in Path(f"/proc/{pid}/fd").iterdir())


def test_workers_serve_from_postgresql_as_well(tmp_path: Path, clouds: Clouds, postgres: PostgresServer) -> None:
    with postgres.database() as url:
        config = configuration(*clouds, SETTINGS.format(port=0, shutdown_s=5)).replace("sqlite:///test.db", url)
        with up(tmp_path, config, environment(*clouds)) as program:
            before = asyncio.run(visits(program.url, calls("before", 30)))
            kill_all(program)
            after = asyncio.run(visits(program.url, calls("after", 30)))
            assert {one.status for one in before + after} == {200}
            assert program.stop() == 0
            assert program.err.count("takes its place") == WORKERS
        with postgres.connect(urlsplit(url).path[1:]) as connection:
            stored = connection.execute("SELECT id, outcome FROM entries").fetchall()
    assert sorted(stored) == sorted((one.request_id, "ok") for one in before + after)
