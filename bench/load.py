"""wrk: as many requests as are answered, over a number of connections."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bench.cores import pinned
from bench.cpu import cpu_s
from bench.errors import BenchError, MissingToolError
from bench.process import HOST, LOG_CHARS_SHOWN
from bench.target import Call

GRACE_S: Final = 15.0
REPORT: Final = """
done = function(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests":%d,"wall_us":%d,"failed":%d}', summary.requests, summary.duration, failed))
end
"""
RESULT_BEGINS: Final = '{"requests"'


class Load(Struct, frozen=True):
    """What wrk saw, and the CPU seconds that the target used meanwhile."""

    requests: int
    wall_us: int
    failed: int
    cpu_s: float = 0.0


def find_wrk() -> str:
    """The program. Raises MissingToolError."""
    found = shutil.which("wrk")
    if found is None:
        raise MissingToolError("wrk is not installed (Debian: apt-get install wrk)")
    return found


def saturate(calls: Sequence[Call], pid: int | None, connections: int, seconds: int, core: int, folder: Path) -> Load:
    """Load a target for `seconds` from `core` with `calls`, all of one port, in turn.

    Raises BenchError when a request fails: figures of refusals are not figures.
    """
    script = folder / "call.lua"
    script.write_text(lua(calls), encoding="utf-8")
    command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
    before_s = cpu_s(pid) if pid else 0.0
    with pinned(core):
        ended = subprocess.run(
            [*command, f"http://{HOST}:{calls[0].port}/"],
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_S,
            check=False,
        )
    used_s = cpu_s(pid) - before_s if pid else 0.0
    load = read_result(ended.stdout)
    if load is None:
        raise BenchError(f"wrk failed: {(ended.stderr or ended.stdout)[-LOG_CHARS_SHOWN:]}")
    if load.failed or not load.requests:
        raise BenchError(f"{load.failed} of {load.requests} requests to {calls[0].path} failed under load")
    return msgspec.structs.replace(load, cpu_s=used_s)


def lua(calls: Sequence[Call]) -> str:
    """The script that makes wrk send `calls` in turn and say its result as JSON. They are rendered once, beforehand."""
    rendered = "".join(f"  calls[{number}] = {_rendered(call)}\n" for number, call in enumerate(calls, start=1))
    return (
        f"local calls, turn = {{}}, 0\ninit = function()\n{rendered}end\n"
        f"request = function()\n  turn = turn % #calls + 1\n  return calls[turn]\nend\n{REPORT}"
    )


def read_result(output: str) -> Load | None:
    """The result in what wrk printed; None when there is none."""
    _, begins, rest = output.rpartition(RESULT_BEGINS)
    return msgspec.json.decode((begins + rest).encode(), type=Load) if begins else None


def _rendered(call: Call) -> str:
    fields = {"Host": f"{HOST}:{call.port}", "content-type": "application/json", **dict(call.headers)}
    headers = ", ".join(f"[{_lua_string(name)}] = {_lua_string(value)}" for name, value in fields.items())
    return f'wrk.format("POST", {_lua_string(call.path)}, {{{headers}}}, {_lua_string(call.body.decode())})'


def _lua_string(text: str) -> str:
    """`text` as JSON, which is a Lua string too: msgspec writes neither `\\u` nor `\\/` for printable text."""
    return msgspec.json.encode(text).decode()
