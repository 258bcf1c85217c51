"""The threads in which stores are asked."""

import asyncio
import subprocess
import sys
from functools import partial
from threading import Event, Thread

import pytest

from keywright.vault.lane import Lane


async def test_so_many_run_at_a_time_and_the_others_in_their_turn() -> None:
    lane = Lane("lane", 2)
    go, begun = Event(), []

    def work(number: int) -> int:
        begun.append(number)
        go.wait(30)
        return number

    waiting = [asyncio.create_task(lane.run(partial(work, number))) for number in range(5)]
    while len(begun) < 2:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    assert sorted(begun) == [0, 1]
    go.set()
    assert await asyncio.gather(*waiting) == [0, 1, 2, 3, 4]


async def test_a_place_is_free_again_where_no_thread_could_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    lane = Lane("lane", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", start)
        with pytest.raises(RuntimeError, match="new thread"):
            await lane.run(lambda: 1)
    async with asyncio.timeout(30):
        assert await lane.run(lambda: 1) == 1


async def test_what_work_raises_is_raised_and_whoever_has_left_misses_nothing() -> None:
    lane = Lane("lane", 1)
    go = Event()

    def work() -> None:
        go.wait(30)
        raise ValueError("no")

    left = asyncio.create_task(lane.run(work))
    await asyncio.sleep(0)
    left.cancel()
    go.set()
    with pytest.raises(ValueError, match="no"):
        await lane.run(work)
    assert left.cancelled()


def test_a_process_that_ends_does_not_wait_for_them() -> None:
    program = """
import asyncio, time
from keywright.vault.lane import Lane
async def main():
    asyncio.create_task(Lane("lane", 1).run(lambda: time.sleep(600)))
    await asyncio.sleep(0.05)
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], timeout=30, check=True)
