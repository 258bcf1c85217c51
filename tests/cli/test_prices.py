"""`keywright prices`: listed, compared, taken over only when sound, proven or agreed to, and rolled back."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from keywright.catalog import signature, snapshot
from keywright.catalog.snapshot import Section, Snapshot
from tests.cli.shell import Shell
from tests.standin.wire import Link, Request, Server

LATER = "2031-05-01"
MODEL = "openai/gpt-4o"
ID = f"{MODEL}@{LATER}"


def changed(as_of: str = LATER, price: str = "2.25", model: str = "gpt-4o") -> bytes:
    """The release's list, of another day and with one price changed."""

    def section(each: Section) -> Section:
        if each.id != "openai":
            return each
        rows = (
            replace(row, prices=(replace(row.prices[0], input=price), *row.prices[1:])) if row.id == model else row
            for row in each.models
        )
        return replace(each, models=tuple(rows))

    whole = snapshot.bundled()
    return snapshot.encode(
        replace(whole, as_of=as_of, source="mirror", catalogues=tuple(map(section, whole.catalogues)))
    )


class Mirror:
    """A server of files. `fails`: how many answers are a 503 first."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fails = 0
        self.asked: list[str] = []
        self.server = Server(self.answer)

    async def answer(self, request: Request, link: Link) -> None:
        self.asked.append(request.path)
        if self.fails:
            self.fails -= 1
            await link.whole(503, b"later", {"retry-after": "0"})
        elif request.path in self.files:
            await link.whole(200, self.files[request.path])
        else:
            await link.whole(404, b"none")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/prices.json"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    made = Mirror()
    made.server.start()
    yield made
    made.server.close()


def put(shell: Shell, data: bytes, name: str = "new.json") -> str:
    (shell.folder / name).write_bytes(data)
    return name


def counts(shell: Shell) -> str:
    found: str = shell.run("prices", "history", "--json").json["counts"]
    return found


def test_prices_are_listed_with_the_operator_s_own_first(shell: Shell) -> None:
    (shell.folder / "keywright.toml").write_text(
        '[providers.openai]\napi_key = "env:K"\n[[prices]]\nmodel = "openai/mine"\ninput = "0.10"\noutput = "0.40"\n'
    )
    listed = shell.run("prices", "list", "--model", "openai/*", "--json").json
    assert listed["own"][0]["id"] == "openai/mine@own;input=0.10;output=0.40"
    assert all(row["model"].startswith("openai/") for row in listed["models"])
    shown = shell.run("prices", "list", "--model", "openai/*").out.splitlines()
    assert shown[3].split()[:4] == ["openai/mine", "own", "0.10", "0.40"]
    assert "no model fits" in shell.run("prices", "list", "--model", "nobody/*").error
    assert shell.run("prices", "history").code == 0
    assert not list(shell.folder.glob("*.db")), "a look makes no store"


def test_an_update_is_shown_and_asked_for(shell: Shell) -> None:
    new = put(shell, changed())
    looked = shell.run("prices", "update", "--from", new, "--check", "--json").json
    assert looked["difference"]["changed"] == [{"model": MODEL, "field": "input", "old": "2.5", "new": "2.25"}]
    assert (looked["new"], looked["signed"], looked["applied"]) == (True, False, False)
    refused = shell.run("prices", "update", "--from", new)
    assert refused.code == 2
    assert "nobody has signed" in refused.err
    assert looked["received"] in refused.out
    assert not list(shell.folder.glob("*.db"))
    assert shell.run("prices", "update", "--from", new, "--yes", "--json").json["applied"] is True
    again = shell.run("prices", "update", "--from", new, "--json").json
    assert (again["new"], again["applied"]) == (False, False)


def test_an_update_is_rolled_back_and_its_ids_stay_true(shell: Shell) -> None:
    before = snapshot.bundled().as_of
    assert shell.run("prices", "update", "--from", put(shell, changed()), "--yes").code == 0
    assert counts(shell) == LATER
    (change,) = shell.run("prices", "diff", "--json").json["changed"]
    assert change["new"] == "2.25"
    assert shell.run("prices", "rollback", "--yes", "--json").json == {"withdrawn": LATER, "counts": before}
    assert shell.run("prices", "show", ID, "--json").json["input"] == "2.25"
    assert shell.run("prices", "show", f"{MODEL}@{before}", "--json").json["input"] == "2.50"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (changed()[:-400], "neither a price list"),
        (b"<html>", "neither a price list"),
        (changed(price="26"), "openai/gpt-4o: input would go from 2.5 to 26"),
        (changed(price="0"), "openai/gpt-4o: input was 2.5 and would be nothing"),
        (changed(price="-1"), "not a plain decimal"),
        (changed("2020-01-01"), "not newer than the list that counts"),
        (
            snapshot.encode(Snapshot(as_of=LATER, source="x", catalogues=snapshot.bundled().catalogues[:3])),
            "are missing",
        ),
    ],
)
def test_a_bad_file_changes_nothing_whoever_agrees(shell: Shell, data: bytes, said: str) -> None:
    done = shell.run("prices", "update", "--from", put(shell, data), "--yes", "--json")
    assert done.code == 1
    assert done.out == ""
    assert "refused, and nothing was changed" in done.err
    assert said in done.err
    assert not list(shell.folder.glob("*.db"))


def test_an_odd_price_counts_once_somebody_has_checked_it(shell: Shell) -> None:
    new = put(shell, changed(price="26"))
    assert shell.run("prices", "update", "--from", new, "--yes", "--accept", "openai/gpt-4o").code == 0
    assert counts(shell) == LATER


def test_prices_come_over_http_and_a_server_that_fails_in_passing_is_asked_again(shell: Shell, mirror: Mirror) -> None:
    (shell.folder / "keywright.toml").write_text(f'[prices_source]\nurl = "{mirror.url}"\n')
    assert "answered 404" in shell.run("prices", "update", "--yes").error
    mirror.files["/prices.json"] = changed()
    mirror.fails = 2
    assert shell.run("prices", "update", "--yes", "--json").json["applied"] is True
    assert mirror.asked == ["/prices.json"] * 4, "no signature is asked for where none is checked"
    assert counts(shell) == LATER


def test_a_source_that_answers_nothing_is_one_line(shell: Shell) -> None:
    (shell.folder / "keywright.toml").write_text('[prices_source]\nurl = "http://127.0.0.1:1/p.json"\n')
    assert "no prices came from 127.0.0.1" in shell.run("prices", "update").error


def key_file(folder: Path, name: str) -> Path:
    path = folder / name
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True, capture_output=True)
    path.chmod(0o600)
    return path


def test_a_signed_mirror_is_taken_without_a_question_and_nothing_else_is(shell: Shell, mirror: Mirror) -> None:
    new = put(shell, changed())
    signed = shell.run("prices", "sign", new, "--key", f"file:{key_file(shell.folder, 'ours.pem')}", "--json").json
    ours = (shell.folder / "new.json.sig").read_bytes()
    foreign = signature.sign(changed(), Ed25519PrivateKey.generate()).encode()
    (shell.folder / "keywright.toml").write_text(
        f'[prices_source]\nurl = "{mirror.url}"\npublic_key = "{signed["public_key"]}"\n'
    )
    for data, beside, said in (
        (changed(), b"", "no signature beside it"),
        (changed(), foreign, "not of this file"),
        (changed(price="2.26"), ours, "not of this file"),
        (b"[]", ours, "genai-prices"),
    ):
        mirror.files = {"/prices.json": data, **({"/prices.json.sig": beside} if beside else {})}
        assert said in shell.run("prices", "update", "--yes").error
    assert not list(shell.folder.glob("*.db"))
    mirror.files = {"/prices.json": changed(), "/prices.json.sig": ours}
    assert shell.run("prices", "update", "--json").json["signed"] is True
    assert shell.run("prices", "history", "--json").json["lists"][-1]["signature"] == ours.decode().strip()


def test_a_list_is_exported_and_signed_with_a_key_that_nobody_sees(shell: Shell) -> None:
    assert shell.run("prices", "export", "out.json").code == 0
    assert "exists already" in shell.run("prices", "export", "out.json").error
    assert json.loads((shell.folder / "out.json").read_bytes())["as_of"] == snapshot.bundled().as_of
    (shell.folder / "bad.pem").write_text("canary-secret\n")
    (shell.folder / "bad.pem").chmod(0o600)
    done = shell.run("prices", "sign", "out.json", "--key", f"file:{shell.folder / 'bad.pem'}")
    assert "openssl genpkey" in done.error
    assert "canary" not in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "nonsense"), "is no price's id"),
        (("show", "openai/gpt-4o@2019-01-01"), "is not kept here"),
        (("show", f"openai/nobody@{snapshot.bundled().as_of}"), "has no such price"),
        (("diff", "--from", "yesterday"), "no file of that name"),
        (("diff", "--from", "2001-01-01"), "the oldest is of"),
        (("diff",), "one price list only"),
        (("rollback", "--yes"), "nothing to go back to"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_line(shell: Shell, words: tuple[str, ...], said: str) -> None:
    assert said in shell.run("prices", *words).error
