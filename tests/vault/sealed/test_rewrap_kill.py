"""A process that re-wraps is killed in the middle of it: nothing is lost, and the next run goes on."""

import subprocess
import sys
import time
from pathlib import Path
from random import Random
from secrets import token_bytes

import pytest

from keywright.core.secret import Secret
from keywright.vault.backends.sealed import SealedBackend
from keywright.vault.reference import Reference
from keywright.vault.sealed.rewrap import rewrap
from keywright.vault.sealed.ring import Ring
from tests.acceptance.scale import TEST_S, sized
from tests.vault.sealed.filling import fill, opens
from tests.vault.sealed.samples import local_kek
from tests.vault.sealed.shelves import Desk, opened

ROWS = 400
BATCH_ROWS = 10
KILLS = sized(1, 12)
LAST_BATCH = 3 if KILLS == 1 else 2
OLD, NEW = local_kek("old"), local_kek("new")
ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(TEST_S)
def test_a_run_that_is_killed_is_gone_on_with_until_all_is_under_the_first_key(database_url: str) -> None:
    random = Random(5)
    with opened(database_url) as desk:
        fill(desk, OLD, ROWS)
        before = {row.name: row.ciphertext for row in desk.rows() if row.tenant == "acme"}
        for _ in range(KILLS):
            killed(database_url, random.uniform(0, 0.01))
            uses = desk.run(desk.kept.kek_uses())
            assert uses[OLD.id] + uses[NEW.id] == ROWS
            assert min(uses.values()) > 0
            all_are_read(desk)
        done = desk.run(desk.kept.kek_uses())[NEW.id]
        ring = Ring((NEW, OLD), desk.shelf, "acme", token_bytes)
        assert rewrap(desk.shelf, ring, "acme", lambda _, __: None, BATCH_ROWS).done == ROWS - done
        assert desk.run(desk.kept.kek_uses()) == {NEW.id: ROWS}
        assert opens(desk, NEW) == ROWS
        after = {row.name: row.ciphertext for row in desk.rows() if row.name in before}
        assert after == before


def killed(url: str, after_s: float) -> None:
    """Begin to re-wrap in a process of its own, and kill it that long after its first batch."""
    command = [sys.executable, "-m", "tests.vault.sealed.rewrapper", url, str(BATCH_ROWS), str(LAST_BATCH)]
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": ""}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        assert process.stdout.readline() == f"{BATCH_ROWS}\n"
        time.sleep(after_s)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate(timeout=20)


def all_are_read(desk: Desk) -> None:
    backend = SealedBackend(desk.shelf, (NEW, OLD), "acme")
    for number in range(0, ROWS, 7):
        name = f"name-{number:06}"
        assert backend.read(Reference("sealed", name)).secret == Secret(f"sk-of-acme-{name}")
