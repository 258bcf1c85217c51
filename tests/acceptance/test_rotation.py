"""A key replaced from the shell while two workers call with it, the command killed again and again: no call fails."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.program import PROGRAM, up
from tests.acceptance.scale import SOAK
from tests.client import ask
from tests.gateway import ADMIN_KEY, CHAT
from tests.rotation.standins.openai import OpenAi

KILLS_S = (0.8, 1.2, 1.6, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0)
"""After so many seconds the command is killed, each time it is called."""

CALLERS = 4
WITHIN_S = 300.0
CALLS_MIN = 10_000


@pytest.fixture
def cloud() -> Iterator[OpenAi]:
    cloud = OpenAi()
    with cloud.open():
        yield cloud


def kept(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def config(folder: Path, cloud: OpenAi) -> str:
    return f"""
[server]
port = 0
workers = 2
[store]
url = "sqlite:///test.db"
[providers.openai]
base_url = "{cloud.url}"
api_key = "file:{folder}/key"
admin_key = "file:{folder}/admin"
rotation = {{ project = "{cloud.project}", drain_s = 3, hold_s = 3 }}
"""


@pytest.mark.skipif(
    not SOAK, reason="takes two minutes: part of `make soak`; a short form is tests/house/test_rotations"
)
@pytest.mark.timeout(600)
def test_killed_whenever_it_is_a_rotation_ends_with_one_key_and_ten_thousand_calls_succeed(
    tmp_path: Path, cloud: OpenAi
) -> None:
    old = cloud.add("gateway")
    kept(tmp_path / "key", old.value)
    kept(tmp_path / "admin", cloud.admin_key)
    variables = {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}
    statuses: Counter[int] = Counter()
    over = threading.Event()
    with up(tmp_path, config(tmp_path, cloud), variables) as program:

        def call() -> None:
            while not over.is_set():
                statuses[ask(program.url, "POST", CHAT, BODY, HEADERS).status] += 1

        callers = [threading.Thread(target=call) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        try:
            for kill_s in KILLS_S:
                rotate(tmp_path, variables, kill_s)
            assert rotate(tmp_path, variables, None) == 0
            deadline = time.monotonic() + WITHIN_S
            while statuses.total() < CALLS_MIN and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            over.set()
            for caller in callers:
                caller.join()
        assert program.stop() == 0
    print(f"{statuses.total()} calls: {dict(statuses)}")
    assert set(statuses) == {200}
    assert statuses.total() >= CALLS_MIN
    (left,) = cloud.keys.values()
    assert left.id != old.id
    assert (tmp_path / "key").read_text().strip() == left.value


def rotate(folder: Path, variables: dict[str, str], kill_s: float | None) -> int | None:
    """The command's exit code, None when it was killed."""
    process = subprocess.Popen(
        [PROGRAM, "rotate", "openai", "--yes", "--config", "keywright.toml"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return process.wait(WITHIN_S if kill_s is None else kill_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.kill()
        process.wait()


HEADERS = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
BODY = b'{"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hello"}]}'
