"""`keywright rotate` while it follows a rotation: what it tells once, asks for, and offers again."""

import asyncio
import io
import signal
import sys
from collections.abc import Mapping

import msgspec
import pytest
from msgspec.structs import replace

from keywright.cli.api import Api
from keywright.cli.doors import Told
from keywright.cli.errors import CommandError
from keywright.cli.interrupt import interruptible
from keywright.cli.rotate import followed
from keywright.control.problems import problem
from keywright.control.resources import PastRow, Problem, ReplacementRow
from keywright.core.rotation import KeyMark

AT = "2026-11-25T00:00:00Z"
WAITING = ReplacementRow(
    id="rot_1",
    credential="edge",
    provider="Edge",
    driver="assisted",
    state="waiting",
    step="create",
    by="user:ann",
    reason="",
    began=AT,
    step_since=AT,
    due=None,
    ended=None,
    failures=0,
    trouble="make one",
    old=KeyMark(),
    new=KeyMark(),
    expires=None,
    back_why="",
    insisted=False,
    past=(PastRow(AT, "create", "make one"),),
)
DONE = replace(WAITING, state="done", step="delete", ended=AT, trouble="revoke the old key")
BUSY = problem(409, "conflict", "another process is at the rotation rot_1: try again in a moment")


class Script:
    """A gateway that answers what it was told to, and remembers what came."""

    def __init__(self, *answers: ReplacementRow | Problem) -> None:
        self._answers = iter(answers)
        self.asked: list[tuple[str, bytes]] = []

    async def ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Told:
        answer = next(self._answers)
        self.asked.append((method, body))
        return Told(answer.status if isinstance(answer, Problem) else 200, "", msgspec.json.encode(answer))


@pytest.fixture(autouse=True)
def pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("sk-new\n"))


async def test_a_key_is_asked_for_once_and_offered_again_while_somebody_else_seems_to_be_at_it() -> None:
    gateway = Script(WAITING, BUSY, WAITING, WAITING, DONE)
    assert (await followed(Api(gateway), "rot_1", json=True)).state == "done"
    put = ("PUT", b'{"key":"sk-new"}')
    assert gateway.asked == [("GET", b""), put, ("GET", b""), put, ("GET", b"")]


async def test_a_key_is_offered_no_more_when_it_is_not_waited_for_or_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = Script(WAITING, BUSY, DONE, DONE)
    assert (await followed(Api(gateway), "rot_1", json=True)).state == "done"
    with pytest.raises(CommandError, match="no key was given"):
        await followed(Api(Script(WAITING)), "rot_1", json=True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("sk-old\n"))
    refused = Script(WAITING, problem(422, "invalid", "this is the key that is to be replaced, and no new one"))
    with pytest.raises(CommandError, match="no new one"):
        await followed(Api(refused), "rot_1", json=True)


async def test_what_happens_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    await followed(Api(Script(WAITING, WAITING, DONE)), "rot_1", json=False)
    told = capsys.readouterr()
    assert told.out == "edge: create: make one\n"
    assert told.err == "edge: delete: revoke the old key\n"


def test_ctrl_c_ends_a_question_at_once_also_where_an_event_loop_runs() -> None:
    async def ask() -> None:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
        raise AssertionError("the question went on")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(ask())
