"""The embedded model answers in both shapes, from a process of its own that dies with its parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import anthropic
import openai
import pytest

from keywright.local import ALIAS, LocalModel, LocalModelError, LocalModelMissingError, LocalSettings, start
from keywright.local import server as local_server

TOKENS_MAX = 8


def test_it_answers_the_openai_sdk(local_model: LocalModel) -> None:
    with openai.OpenAI(base_url=local_model.base_url + "/v1", api_key="none", max_retries=0) as client:
        answer = client.chat.completions.create(
            model=ALIAS, max_tokens=TOKENS_MAX, messages=[{"role": "user", "content": "Say hello."}]
        )
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= TOKENS_MAX


def test_it_streams_to_the_openai_sdk_with_usage(local_model: LocalModel) -> None:
    with openai.OpenAI(base_url=local_model.base_url + "/v1", api_key="none", max_retries=0) as client:
        chunks = list(
            client.chat.completions.create(
                model=ALIAS,
                max_tokens=TOKENS_MAX,
                messages=[{"role": "user", "content": "Say hello."}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    assert len(chunks) > 2
    assert chunks[-1].usage is not None


def test_it_answers_the_anthropic_sdk(local_model: LocalModel) -> None:
    with anthropic.Anthropic(base_url=local_model.base_url, api_key="none", max_retries=0) as client:
        answer = client.messages.create(
            model=ALIAS, max_tokens=TOKENS_MAX, messages=[{"role": "user", "content": "Say hello."}]
        )
    assert answer.content[0].type == "text"
    assert 0 < answer.usage.output_tokens <= TOKENS_MAX


def test_it_runs_in_another_process(local_model: LocalModel) -> None:
    assert local_model.running
    assert local_model.pid != os.getpid()


def test_closing_ends_the_process() -> None:
    try:
        model = start(LocalSettings(threads=1))
    except LocalModelMissingError as missing:
        pytest.skip(str(missing))
    model.close()
    assert not model.running


def test_it_dies_with_a_parent_that_is_killed(local_model: LocalModel) -> None:
    program = "from keywright.local import start; import time; print(start().pid, flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait(5)
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(child)


def test_weights_that_are_no_model_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        start().close()
    except LocalModelMissingError as missing:
        pytest.skip(str(missing))
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model")
    monkeypatch.setattr(local_server, "find_weights", lambda: broken)
    with pytest.raises(LocalModelError):
        start(LocalSettings(log=tmp_path / "llama.log"))
    assert (tmp_path / "llama.log").stat().st_size > 0


def test_a_start_that_takes_too_long_is_given_up() -> None:
    with pytest.raises((LocalModelError, LocalModelMissingError)):
        start(LocalSettings(start_s=0.0))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False
