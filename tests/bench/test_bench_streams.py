"""Frames carry the time at which they were sent, and a client finds it however the bytes are cut."""

import itertools
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.paced_client import PacedJob
from bench.payloads import MARK, Frames, anthropic_frames, openai_frames
from bench.process import HOST, await_listening, free_port, running
from bench.stream_clients import END, StreamJob, StreamResult, marks
from bench.target import Call, raw_request
from bench.wire import CHUNKED_END, http_chunk

DIALECTS = [openai_frames(3), anthropic_frames(3)]
TIMES = [1_700_000_000_000_001, 7, 9_999_999_999_999_999]


def whole(frames: Frames) -> bytes:
    chunks = (http_chunk(frames.chunk(time)) for time in TIMES)
    return http_chunk(frames.head) + b"".join(chunks) + http_chunk(frames.tail) + CHUNKED_END


@given(frames=st.sampled_from(DIALECTS), cuts=st.lists(st.integers(1, 2000), max_size=12))
def test_every_time_is_found_once_however_the_stream_is_cut(frames: Frames, cuts: list[int]) -> None:
    stream = whole(frames)
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    found: list[int] = []
    tail = b""
    for begin, end in itertools.pairwise(places):
        times, tail = marks(tail + stream[begin:end])
        found.extend(times)
    assert found == TIMES
    assert tail.endswith(END)


@pytest.mark.parametrize("frames", DIALECTS)
def test_only_chunks_have_a_mark_and_all_are_of_one_length(frames: Frames) -> None:
    assert MARK not in frames.head + frames.tail + frames.chunk_head + frames.chunk_tail
    assert len(frames.chunk(1)) == len(frames.chunk(10**15))


@pytest.mark.parametrize("frames", DIALECTS)
def test_each_frame_is_json(frames: Frames) -> None:
    events = (frames.head + frames.chunk(5) + frames.tail).decode().strip().split("\n\n")
    data = [event.partition("data: ")[2] for event in events]
    assert all(msgspec.json.decode(one) for one in data if one != "[DONE]")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_clients_read_what_the_paced_upstream_sends(path: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    log = tmp_path_factory.mktemp("paced") / "log"
    port, core = free_port(), 0
    command = [sys.executable, "-m", "bench.paced_upstream", str(port), "5000", "10"]
    with running(command, core, log) as upstream:
        await_listening(upstream, port, log, 10.0)
        request = raw_request(Call(port, path, b"{}"))
        job = StreamJob(port=port, request=request, streams=3, spread_us=5000, warm_s=0.1, seconds=0.5)
        ended = subprocess.run(
            [sys.executable, "-m", "bench.stream_clients"],
            input=msgspec.json.encode(job),
            capture_output=True,
            timeout=20,
            check=True,
        )
    warm, result = ended.stdout.splitlines()
    assert warm == b"warm"
    measured = msgspec.json.decode(result, type=StreamResult)
    assert 100 < measured.chunks < 320
    assert 0 < measured.p50_us <= measured.p99_us < 500_000


def test_a_paced_client_says_when_it_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    log = tmp_path_factory.mktemp("http") / "log"
    port, core = free_port(), 0
    command = [sys.executable, "-m", "http.server", str(port), "--bind", HOST]
    with running(command, core, log) as server:
        await_listening(server, port, log, 10.0)
        request = raw_request(Call(port, "/", b"{}"))
        job = PacedJob(port=port, request=request, rate=100.0, connections=2, warm_s=0.1, seconds=15.0)
        ended = subprocess.run(
            [sys.executable, "-m", "bench.paced_client"],
            input=msgspec.json.encode(job),
            capture_output=True,
            timeout=20,
            check=False,
        )
    assert ended.returncode != 0
    assert b"a request was refused" in ended.stderr
