"""`chat`: one question, or a conversation, through the running gateway."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time

import pytest

from tests.cli.conftest import Up
from tests.cli.shell import PROGRAM, interrupt
from tests.standin.cloud import StandIn
from tests.standin.script import Script

PROMPT_S = 30.0


def test_an_answer_is_on_standard_output_and_its_figures_beside_it(gateway: Up, openai_cloud: StandIn) -> None:
    marker = openai_cloud.script(Script(text="The sky is\nblue."))
    done = gateway.shell.run("chat", "--model", "openai/gpt-4o", "--system", "Be brief.", f"Why? {marker}")
    assert (done.code, done.out) == (0, "The sky is\nblue.\n")
    assert done.err.startswith("openai/gpt-4o · ")
    assert "tokens in" in done.err
    assert openai_cloud.last.body["stream"] is True
    assert openai_cloud.last.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"Why? {marker}"},
    ]


def test_json_is_one_document_with_what_it_cost(gateway: Up, openai_cloud: StandIn) -> None:
    marker = openai_cloud.script(Script(text="Blue."))
    document = gateway.shell.run("chat", marker, "--json").json
    assert document.pop("request_id").startswith("req_")
    assert document.pop("input_tokens") > 0
    assert document.pop("output_tokens") > 0
    assert float(document.pop("cost_usd")) > 0
    assert document == {"model": "openai/gpt-4o-mini", "text": "Blue.", "finish": "stop"}


def test_what_is_piped_in_is_the_message(gateway: Up, openai_cloud: StandIn) -> None:
    done = gateway.shell.run("chat", piped="first line\nsecond line\n")
    assert done.code == 0
    assert openai_cloud.last.body["messages"] == [{"role": "user", "content": "first line\nsecond line\n"}]


def test_what_a_model_writes_cannot_steer_the_terminal(gateway: Up, openai_cloud: StandIn) -> None:
    marker = openai_cloud.script(Script(text="a\x1b]0;owned\x07b"))
    assert gateway.shell.run("chat", marker).out == "a]0;ownedb\n"


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ((), 2, "there is nothing to ask"),
        (("--model", "openai/no-such-model", "hello"), 1, "404 model_not_found"),
    ],
)
def test_what_cannot_be_asked_is_one_line(gateway: Up, words: tuple[str, ...], code: int, expected: str) -> None:
    done = gateway.shell.run("chat", *words)
    assert done.code == code
    assert expected in done.error


def test_bytes_that_are_no_text_are_refused_before_anything_is_asked(gateway: Up, openai_cloud: StandIn) -> None:
    done = subprocess.run(
        [PROGRAM, "chat"],
        input=b"\xff\xfe",
        env=gateway.shell.environment({}),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == b"error: only UTF-8 text can be asked, and this is none\n"
    assert gateway.shell.run("chat", "").error.startswith("there is nothing to ask")
    assert openai_cloud.exchanges == []


def test_an_answer_that_breaks_off_is_one_line_and_a_failure(gateway: Up, openai_cloud: StandIn) -> None:
    marker = openai_cloud.script(Script(words=12, pace_s=0.05, fault="error_event", after=8))
    done = gateway.shell.run("chat", marker)
    assert done.code == 1
    assert done.err.startswith("error: the answer broke off: ")
    assert done.out.endswith("\n")


def test_ctrl_c_ends_a_single_question_quietly(gateway: Up, openai_cloud: StandIn) -> None:
    marker = openai_cloud.script(Script(words=100, pace_s=0.1))
    with gateway.shell.start("chat", marker) as process:
        assert openai_cloud.wait_for(lambda: openai_cloud.running == 1 and openai_cloud.last.sent > 2)
        done = interrupt(process)
    assert (done.code, done.err) == (130, "")
    assert openai_cloud.wait_for(lambda: openai_cloud.last.outcome == "left")


class Conversation:
    """The command at a terminal, and the terminal's other end."""

    def __init__(self, up: Up, *words: str) -> None:
        self.terminal, theirs = pty.openpty()
        environment = up.shell.environment({"TERM": "dumb"})
        self.process = subprocess.Popen(
            [PROGRAM, "chat", *words], env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self._seen = ""

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def wait_for(self, expected: str) -> None:
        """Read up to and with `expected`."""
        deadline = time.monotonic() + PROMPT_S
        while expected not in self._seen:
            ready, _, _ = select.select([self.terminal], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{expected!r} did not come after {self._seen!r}"
            self._seen += os.read(self.terminal, 4096).decode(errors="replace")
        self._seen = self._seen.partition(expected)[2]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


def test_a_conversation_goes_on_after_an_answer_was_stopped(gateway: Up, openai_cloud: StandIn) -> None:
    marker = openai_cloud.script(Script(text="Hello Mia."), Script(words=100, pace_s=0.1))
    with contextlib.closing(Conversation(gateway, "--model", "openai/gpt-4o")) as talk:
        talk.wait_for("Ctrl-D leaves")
        talk.wait_for("> ")
        talk.type(f"I am Mia {marker}\n")
        talk.wait_for("tokens in")
        talk.wait_for("> ")
        talk.type("go on\n")
        assert openai_cloud.wait_for(lambda: openai_cloud.running == 1 and openai_cloud.last.sent > 4)
        talk.process.send_signal(signal.SIGINT)
        talk.wait_for("(stopped)")
        assert openai_cloud.wait_for(lambda: openai_cloud.running == 0)
        talk.wait_for("> ")
        talk.type("who am I?\n")
        talk.wait_for("tokens in")
        talk.wait_for("> ")
        talk.type("\x04")
        assert talk.process.wait(PROMPT_S) == 0
    said = [message["content"] for message in openai_cloud.last.body["messages"]]
    assert said[:3] == [f"I am Mia {marker}", "Hello Mia.", "go on"]
    assert said[3]
    assert said[4] == "who am I?"
