"""A planted secret is found wherever it lies and however it is written, and nothing else is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools.canary.__main__ import SITE, VARIABLE, search
from tools.canary.allowed import ALLOWED, Allowed
from tools.canary.control import PIECES, draw, plant
from tools.canary.haystack import Haystack
from tools.canary.needles import Born, born_in, forms, is_searchable, needles_of, pieces

VALUE = "sk-canary-Zm9vYmFy8XkQ2+Lw/7TnVb3Rj5HdPq9Gs1Mc6=Yz"
BORN = Born(VALUE, "tests")
CHILD = """
import os, sys
from keywright.core.secret import Secret
Secret("the child has this secret 4711")
print("said on standard output", flush=True)
print("said on standard error", file=sys.stderr)
if os.fork() == 0:
    Secret("and so has its own child 4712")
    os._exit(0)
os.wait()
import subprocess
subprocess.run([sys.executable, "-c", "print('said by one that was started')"], env={"PATH": ""}, check=True)
raise ValueError("said by the interpreter")
"""


def test_a_planted_secret_is_found_in_every_kind_of_place(tmp_path: Path) -> None:
    planted = plant(tmp_path / "control", VALUE)
    haystack = Haystack(needles_of([BORN]))
    found = {hit.place.split(" ")[0] for hit in haystack.folder(tmp_path / "control")}
    assert set(planted) <= found
    assert haystack.unread == []
    assert haystack.searched.files == len(planted) + 1, "and the database that has another one beside it"


def test_another_secret_is_not_found(tmp_path: Path) -> None:
    plant(tmp_path / "control", VALUE)
    assert list(Haystack(needles_of([Born(draw(), "tests")])).folder(tmp_path)) == []


def test_what_is_short_or_a_word_is_not_searched_for() -> None:
    assert is_searchable(VALUE)
    assert not is_searchable("openai-key")
    assert not is_searchable("ababababababababab")


def test_of_a_value_of_words_the_whole_counts_and_of_chance_each_part() -> None:
    assert list(pieces("the-admin-key-of-these-tests-0123456789")) == ["the-admin-key-of-these-tests-0123456789"]
    assert len(set(pieces(draw()))) == PIECES
    assert len({form for form, _ in forms(VALUE)}) == 11


def test_a_file_that_cannot_be_searched_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\x00" + b"x" * 100)
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04" + b"x" * 100)
    haystack = Haystack(needles_of([BORN]))
    assert list(haystack.folder(tmp_path)) == []
    assert [line.split(":")[0] for line in haystack.unread] == ["broken.db by rows", "broken.zip"]


def test_what_processes_hold_is_written_down_and_what_they_say_is_kept(tmp_path: Path) -> None:
    path = os.pathsep.join((str(SITE), "src"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, VARIABLE: str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "said on standard output\nsaid by one that was started\n")
    assert {each.value for each in born_in(tmp_path / "born")} == {
        "the child has this secret 4711",
        "and so has its own child 4712",
    }
    said = "".join(file.read_text() for file in (tmp_path / "kept" / "said").iterdir())
    assert "said on standard output" in said
    assert "said by one that was started" in said
    assert "ValueError: said by the interpreter" in said
    assert "said on standard error" in done.stderr


def test_a_leak_fails_a_sweep_and_a_sweep_that_finds_nothing_planted_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "born").mkdir()
    lines = "dGhpcyBpcyB0aGUgc2VjcmV0IDQ3MTE= tests:here\n\ndGhpcyBpcyBjdXQgKCgo\n\ndGhpc tests:there\n"
    (tmp_path / "born" / "1.txt").write_text(lines)
    (tmp_path / "kept").mkdir()
    assert search(tmp_path) == 0
    (tmp_path / "kept" / "log").write_text("sent: this is the secret 4711\n")
    assert search(tmp_path) == 2, "what is planted is planted once"
    for file in (tmp_path / "control").iterdir():
        file.unlink()
    (tmp_path / "control").rmdir()
    assert search(tmp_path) == 1
    assert "LEAK log (tests:here, plain, 1x): 'sent: this is the secret 4711\\n'" in capsys.readouterr().out


def test_what_is_allowed_is_allowed_for_a_reason_and_no_more() -> None:
    assert all(each.reason and each.place for each in ALLOWED)
    hits = list(Haystack(needles_of([BORN])).content("folder/.env", VALUE.encode()))
    assert hits
    assert all(Allowed("the file is for that", place=r"\.env$").covers(hit) for hit in hits)
    assert not any(Allowed("the file is for that", place=r"\.env$", site="other").covers(hit) for hit in hits)
    assert all(Allowed("nothing else is there", is_all=True).covers(hit) for hit in hits)
    beside = list(Haystack(needles_of([BORN])).content("folder/log", f"key {VALUE}".encode()))
    assert beside
    assert not any(Allowed("nothing else is there", is_all=True).covers(hit) for hit in beside)
