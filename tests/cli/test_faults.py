"""Whatever way a fault takes to standard error, no secret goes with it."""

import subprocess
import sys

import pytest

SECRET = "Zk9-value-without-a-form"
KEY = "sk-ant-api03-" + "Ab3dEf6hIj9kLm2n" * 3

GATEWAY = """
import asyncio, logging, threading, warnings
import uvloop
from keywright.cli.logs import log_loop_fault, log_to_stderr
from keywright.core.redaction import Redactor
from keywright.core.secret import Secret

redactor = Redactor()
redactor.know(Secret(SECRET))
log_to_stderr(redactor)

class Fallen:
    def __del__(self):
        raise ValueError(f"unraisable {SECRET} {KEY}")

def fail(where):
    raise ValueError(f"{where} {SECRET} {KEY}")

async def lose():
    asyncio.get_running_loop().set_exception_handler(log_loop_fault)
    task = asyncio.ensure_future(asyncio.to_thread(fail, "forgotten"))
    await asyncio.wait([task])
    asyncio.get_running_loop().call_soon(fail, "called")
    del task
    await asyncio.sleep(0)

uvloop.run(lose())
thread = threading.Thread(target=fail, args=("threaded",))
thread.start()
thread.join()
Fallen()
warnings.warn(f"warned {SECRET} {KEY}")
logging.getLogger("some.library").warning("library %s %s", SECRET, KEY)
logging.getLogger("some.library").info("not told")
try:
    fail("caught")
except ValueError as error:
    logging.getLogger("keywright").exception("logged")
    raise RuntimeError(f"uncaught {KEY}") from error
"""
COMMAND = """
import sys, threading
import keywright.cli.program as program

class Fallen:
    def __del__(self):
        raise ValueError(f"unraisable {KEY}")

def fail(words):
    Fallen()
    thread = threading.Thread(target=lambda: int(f"threaded {KEY}"))
    thread.start()
    thread.join()
    raise ValueError(f"uncaught {KEY}")

program.run = fail
program.main()
"""


def said(script: str) -> str:
    """What a process says on standard error before it ends by an exception."""
    head = f"SECRET, KEY = {SECRET!r}, {KEY!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", head + script], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


@pytest.mark.parametrize(
    ("script", "ways"),
    [
        (GATEWAY, "forgotten called threaded unraisable warned library caught uncaught"),
        (COMMAND, "threaded unraisable uncaught"),
    ],
    ids=["gateway", "command"],
)
def test_no_way_of_failing_shows_a_secret(script: str, ways: str) -> None:
    told = said(script)
    for way in ways.split():
        assert f"{way} <secret " in told, way
    assert SECRET not in told
    assert KEY[-12:] not in told
    assert "not told" not in told
