"""A running `keywright up`: its address, its memory, its ledger, its end."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from prometheus_client.parser import text_string_to_metric_families

from tests.client import ask
from tests.gateway import DATABASE, environment, priced, toml
from tests.sqlite import copied
from tests.standin.cloud import StandIn

PROGRAM = Path(sys.executable).parent / "keywright"
START_S = 30.0
STOP_S = 30.0
SETTLE_S = 30.0
FILE, SPOOL = "keywright.toml", "test.spool"
OUT, ERR = "stdout.txt", "stderr.txt"
QUERY = (
    "SELECT id, model, outcome, status, cost_picodollars, input_tokens, output_tokens, served, document FROM entries"
)


@dataclass(frozen=True)
class Line:
    """One entry of the ledger, as it lies in the store. `call` is the tag of that name, "" when there is none."""

    id: str
    model: str
    outcome: str
    status: int
    cost: int
    input: int
    output: int
    served: str
    document: dict[str, Any]

    @property
    def call(self) -> str:
        return str(dict(self.document.get("tags", ())).get("call", ""))


@dataclass
class Program:
    """A process of `keywright up` that serves at `url`. What it says goes to files in `folder`."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    url: str = ""
    announced: dict[str, Any] = field(default_factory=dict)

    @property
    def out(self) -> str:
        return (self.folder / OUT).read_text()

    @property
    def err(self) -> str:
        return (self.folder / ERR).read_text()

    @property
    def memory_kb(self) -> int:
        """Resident memory of the process that is its own. (Pages of files that it maps, as the spool, are not.)"""
        return self._memory("RssAnon:")

    @property
    def resident_kb(self) -> int:
        """All resident memory of the process."""
        return self._memory("VmRSS:")

    def _memory(self, kind: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(kind))

    @property
    def sockets(self) -> int:
        """How many sockets the process has open."""
        found = 0
        for descriptor in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found += str(descriptor.readlink()).startswith("socket:")
        return found

    def metrics(self) -> dict[str, float]:
        """Every sample of `/metrics` that has no labels."""
        families = text_string_to_metric_families(ask(self.url, "GET", "/metrics").body.decode())
        return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}

    def is_idle(self) -> bool:
        """Whether no call runs and every entry is in the store."""
        found = self.metrics()
        return found["keywright_calls_running"] == found["keywright_ledger_waiting"] == 0

    def settle(self) -> list[Line]:
        """The whole ledger, once nothing runs and nothing waits."""
        until(self.is_idle, SETTLE_S, "calls or entries are left over")
        return ledger(self.folder)

    @property
    def workers(self) -> list[int]:
        """The processes that it has started, by number of worker after a start; several only with `workers`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in children.read_text().split()]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def interrupt(self) -> None:
        """As Ctrl-C does: the whole group of processes is told."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self, within_s: float = STOP_S) -> int:
        """The exit code, when the process has ended by itself."""
        return self.process.wait(within_s)

    def stop(self) -> int:
        """Tell it to stop, and wait for that. Its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """As `kill -9` does."""
        self.process.kill()
        self.process.wait(STOP_S)


@contextlib.contextmanager
def launched(folder: Path, variables: Mapping[str, str], *words: str) -> Iterator[Program]:
    """The program, told `words`, in `folder`; killed at the end if it still runs. What it said is printed then."""
    with (folder / OUT).open("ab") as out, (folder / ERR).open("ab") as err:
        process = _spawn(folder, variables, words, out, err)
    program = Program(process, folder)
    try:
        yield program
    finally:
        program.kill()
        print(f"--- {' '.join(words)}: exit code {process.returncode}; its standard error:")
        print(program.err[-8000:])


@contextlib.contextmanager
def up(folder: Path, config: str, variables: Mapping[str, str]) -> Iterator[Program]:
    """`keywright up` with `config`, once it serves. (How it starts where nothing is yet: tests/cli/test_up.py.)"""
    (folder / FILE).write_text(config)
    if f"sqlite:///{DATABASE}" in config and not (folder / DATABASE).exists():
        copied(priced(), folder / DATABASE)
    said = (folder / OUT).stat().st_size if (folder / OUT).exists() else 0
    with launched(folder, variables, "up", "--json", "--config", FILE) as program:

        def announced() -> bool:
            assert program.process.poll() is None, f"it ended at once: {program.err}"
            return program.out[said:].endswith("\n")

        until(announced, START_S, "the gateway did not start")
        program.announced = json.loads(program.out[said:])
        program.url = program.announced["url"]
        until(lambda: _is_ready(program.url), START_S, "the gateway did not become ready")
        yield program


@contextlib.contextmanager
def gateway(folder: Path, openai: StandIn, anthropic: StandIn, extra: str = "", **variables: str) -> Iterator[Program]:
    """`keywright up` with both stand-ins, on a free port. `extra` is more of the configuration."""
    with up(
        folder, configuration(openai, anthropic, extra), {**environment(openai, anthropic), **variables}
    ) as program:
        yield program


def configuration(openai: StandIn, anthropic: StandIn, extra: str = "") -> str:
    """What `gateway` runs by."""
    text = toml(openai, anthropic, extra)
    return text if "[server]" in extra else f"{text}[server]\nport = 0\n"


def command(folder: Path, variables: Mapping[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    """One command of the program, run to its end."""
    return subprocess.run(
        [PROGRAM, *words],
        cwd=folder,
        env=_environment(folder, variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )


def ledger(folder: Path) -> list[Line]:
    """Every entry that is in the store, the oldest first."""
    with contextlib.closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True, timeout=10.0)) as database:
        rows: list[tuple[Any, ...]] = database.execute(f"{QUERY} ORDER BY started_us, id").fetchall()
    return [_line(*row) for row in rows]


def _line(id_: str, model: str, outcome: str, status: int, *figures: Any) -> Line:
    cost, input_, output, served, document = figures
    return Line(id_, model, outcome, status, cost, input_, output, served, json.loads(document))


def rolled_up(folder: Path) -> tuple[int, int]:
    """Calls and their cost, by the store's own sums."""
    columns = "sum(calls), sum(cost_high), sum(cost_low)"
    with contextlib.closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True, timeout=10.0)) as database:
        calls, high, low = database.execute(f"SELECT {columns} FROM usage_hours").fetchone()
    return int(calls or 0), (int(high or 0) << 32) + int(low or 0)


def until(condition: Callable[[], object], within_s: float, why: str) -> None:
    """Wait until `condition` is true; fail, saying `why`, when it is not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, why
        time.sleep(0.01)


def _is_ready(url: str) -> bool:
    try:
        return ask(url, "GET", "/health/ready").status == 200
    except ConnectionError:
        return False


def _spawn(
    folder: Path, variables: Mapping[str, str], words: tuple[str, ...], out: IO[bytes], err: IO[bytes]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [PROGRAM, *words],
        cwd=folder,
        env=_environment(folder, variables),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,  # a group of its own, as a shell gives each job
    )


def _environment(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Nothing of this process's but where programs are."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
