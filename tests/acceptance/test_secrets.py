"""Marked keys of every kind, every way in which they could get out, and a search through all that came out."""

import asyncio
import base64
import itertools
import json
import secrets
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from keywright.core.json import JsonObject
from tests.acceptance.crowd import Visit, visits
from tests.acceptance.parrot import WAYS, Parrot
from tests.acceptance.program import FILE, Program, command, configuration, until, up
from tests.acceptance.scale import TEST_S
from tests.cli.shell import Shell
from tests.client import Answer, ask
from tests.gateway import CHAT, MESSAGES, chat_body, environment, message_body
from tests.standin.cloud import StandIn
from tests.standin.script import Script

PIECE = 14
"""So many characters of a key in a row are a leak."""
NOISY = {"PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1", "PYTHONFAULTHANDLER": "1"}
HELD = 8
MEANT = (".env", "key.txt")
"""Files that hold a key because they were given one."""


@dataclass
class Canaries:
    """Keys that occur nowhere else, by what they are for."""

    keys: dict[str, str] = field(default_factory=dict)

    def new(self, name: str) -> str:
        self.keys[name] = f"sk-canary-{secrets.token_hex(24)}"
        return self.keys[name]

    def found_in(self, content: bytes) -> list[str]:
        """The names of keys of which `content` has a piece, plain or encoded."""
        return [name for name, key in self.keys.items() if any(form in content for form in _forms(key))]


def _forms(key: str) -> Iterator[bytes]:
    core = key.rpartition("-")[2]
    for text in (core[:PIECE], core[-PIECE:]):
        yield text.encode()
        yield text[::-1].encode()
        yield text.encode("utf-16-le")
    for start in range(3):
        yield base64.b64encode(core.encode()[start : start + 12])
    yield quote(core[:PIECE]).encode()


@dataclass
class Everything:
    """What came out of the program, by where."""

    seen: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, where: str, *contents: bytes | str) -> None:
        self.seen += [(where, each if isinstance(each, bytes) else each.encode()) for each in contents]

    def answer(self, where: str, answer: Answer) -> Answer:
        self.add(where, answer.body, repr(answer.headers))
        return answer


@pytest.fixture
def parrots() -> Iterator[tuple[Parrot, Parrot, Parrot]]:
    made = (Parrot("openai"), Parrot("anthropic"), Parrot("openai"))
    for each in made:
        each.server.start()
    yield made
    for each in made:
        each.server.close()


SOURCES = ("env:PARROT_KEY", "dotenv:PARROT_KEY", "file:{folder}/key.txt")
MODELS = ("gpt-4o", "claude-haiku-4-5", "gpt-4o")
LANES = tuple(itertools.product(range(len(SOURCES)), WAYS, (CHAT, MESSAGES), (False, True)))


def config_of(openai: StandIn, anthropic: StandIn, parrots: tuple[Parrot, ...], folder: Path) -> str:
    """Each parrot gets its key in another way. A provider of its own for each way of answering: breakers open."""
    tables = [
        f'[providers.p{number}-{way}]\nkind = "{parrot.kind}"\n'
        f'api_key = "{SOURCES[number].format(folder=folder)}"\nbase_url = "{parrot.base_url}"\n'
        for number, parrot in enumerate(parrots)
        for way in WAYS
    ]
    return configuration(openai, anthropic).replace("[retry]", "[retry]\nattempts = 1") + "".join(tables)


@pytest.mark.timeout(TEST_S)
def test_no_key_comes_out_anywhere(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn, parrots: tuple[Parrot, Parrot, Parrot]
) -> None:
    canaries, out = Canaries(), Everything()
    parrot_keys = {"PARROT_KEY": canaries.new("env"), "KEYWRIGHT_ADMIN_KEY": canaries.new("admin")}
    variables = {**environment(openai_cloud, anthropic_cloud), **NOISY, **parrot_keys}
    (tmp_path / ".env").write_text(f"PARROT_KEY={canaries.new('dotenv')}\n")
    (tmp_path / "key.txt").write_text(canaries.new("file") + "\n")
    for name in (".env", "key.txt"):
        (tmp_path / name).chmod(0o600)
    config = config_of(openai_cloud, anthropic_cloud, parrots, tmp_path)
    with up(tmp_path, config, variables) as program:
        issued = issue(program, canaries, variables)
        ask_parrots(program, issued, out)
        ask_with_strange_keys(program, canaries, out)
        ask_pages(program, issued, out)
        use_commands(program, canaries, variables, out)
        change_file(program, canaries)
        asked = [line for line in program.settle() if line.model.startswith("p")]
        out.add("command line", Path(f"/proc/{program.process.pid}/cmdline").read_bytes())
        abort_under_load(program, issued, openai_cloud)
        out.add("after the crash", *(file.read_bytes() for file in files_of(tmp_path)))
    with up(tmp_path, config, variables) as program:
        assert [line.outcome for line in program.settle()].count("lost") == HELD
        assert program.stop() == 0
    assert all(parrot.heard == set(WAYS) for parrot in parrots)
    assert len(asked) == len(LANES)
    for file in files_of(tmp_path):
        out.add(file.name, file.read_bytes())
    leaks = sorted({f"{name} in {where}" for where, content in out.seen for name in canaries.found_in(content)})
    print(f"{len(out.seen)} outputs, {sum(len(content) for _, content in out.seen)} bytes searched")
    assert leaks == [], "\n".join(leaks)
    assert {name for name in MEANT if canaries.found_in((tmp_path / name).read_bytes())} == set(MEANT)  # it does find


def files_of(folder: Path) -> list[Path]:
    """Every file that the program has written: what it said, the database, the spool."""
    return [file for file in folder.rglob("*") if file.is_file() and file.name not in (*MEANT, FILE)]


def issue(program: Program, canaries: Canaries, variables: dict[str, str]) -> str:
    """A key of ours, shown once."""
    done = command(program.folder, variables, "key", "create", "--name", "sweep", "--json")
    key = str(json.loads(done.stdout)["key"])
    canaries.keys["issued"] = key
    assert canaries.found_in(done.stdout.encode()) == ["issued"]
    assert canaries.found_in(done.stderr.encode()) == []
    until(lambda: ask(program.url, "GET", "/v1/models", None, {"x-api-key": key}).status == 200, 30.0, "no key")
    return key


def ask_parrots(program: Program, key: str, out: Everything) -> None:
    """Every way of repeating a key, through every lane."""
    for number, way, path, stream in LANES:
        model, text = f"p{number}-{way}/{MODELS[number]}", f"parrot:{way}"
        body = chat_body(model, text) if path == CHAT else message_body(model, text)
        answer = _post(program, path, {**body, "stream": stream}, {"x-api-key": key})
        out.answer(f"{path} {model} {stream}", answer)
        assert b'"internal"' not in answer.body, (way, answer)


def ask_with_strange_keys(program: Program, canaries: Canaries, out: Everything) -> None:
    """Keys that are none, or nearly one, in every place."""
    strange, issued = canaries.new("strange"), canaries.keys["issued"]
    other = issued[:-1] + ("a" if issued[-1] != "a" else "b")
    headers: list[dict[str, str]] = [
        *({"authorization": f"Bearer {key}"} for key in (strange, other)),
        *({name: key} for name in ("x-api-key", "api-key", "x-goog-api-key") for key in (strange, other)),
        {"authorization": f"Basic {strange}"},
        {"authorization": strange},
    ]
    for header in headers:
        for path, body in ((CHAT, chat_body()), (MESSAGES, message_body())):
            assert out.answer("strange key", _post(program, path, body, header)).status == 401
        assert out.answer("strange key", ask(program.url, "GET", "/v1/models", None, header)).status == 401
    for path in (f"{CHAT}?key={strange}", f"/v1/models?key={strange}", f"/metrics?key={strange}"):
        out.answer("key in the query", ask(program.url, "GET", path))
        out.answer("key in the query", _post(program, path, chat_body(), {}))


def ask_pages(program: Program, key: str, out: Everything) -> None:
    """Every page, and requests that are wrong."""
    header = {"authorization": f"Bearer {key}"}
    for path in ("/metrics", "/health/live", "/health/ready", "/v1/models", "/v1/models/openai/gpt-4o", "/nowhere"):
        out.answer(path, ask(program.url, "GET", path, None, header))
    for body in (b"", b"{", b'{"model": 7}', b"\xff\xfe", b'{"model": "nobody/nothing", "messages": []}'):
        for path in (CHAT, MESSAGES):
            out.answer("wrong body", ask(program.url, "POST", path, body, header))


def use_commands(program: Program, canaries: Canaries, variables: dict[str, str], out: Everything) -> None:
    """Every command, in words and as JSON, right and wrong."""
    issued, admin = canaries.keys["issued"], canaries.keys["admin"]
    shell = Shell(program.folder, NOISY)
    key_id = json.loads(command(program.folder, variables, "key", "list", "--json").stdout)["keys"][0]["id"]
    reached = {"KEYWRIGHT_URL": program.url, "KEYWRIGHT_ADMIN_KEY": admin}
    commands: list[tuple[dict[str, str], tuple[str, ...]]] = [
        (variables, ("key", "list")),
        (variables, ("key", "show", issued)),
        (variables, ("key", "revoke", issued, "--yes")),
        (variables, ("up", "--config", FILE, "--port", program.url.rpartition(":")[2])),
        *(
            (reached, words)
            for words in (("models",), ("models", "--json"), ("chat", "say hello", "--model", "openai/gpt-4o"))
        ),
        ({**reached, "KEYWRIGHT_ADMIN_KEY": canaries.keys["strange"]}, ("models",)),
    ]
    for given, words in commands:
        done = command(program.folder, {**NOISY, **given}, *words)
        out.add(" ".join(words[:2]), done.stdout, done.stderr)
    for words in local_commands(key_id):
        for more in ((), ("--json",)):
            forked = shell.run(*words, *more, **variables)
            out.add(" ".join(words[:2]), forked.out, forked.err)


def local_commands(key_id: str) -> list[tuple[str, ...]]:
    """Commands that need no gateway."""
    return [("key", "list"), ("key", "show", key_id), ("usage",), ("usage", "--by", "key,model"), ("config", "check")]


def change_file(program: Program, canaries: Canaries) -> None:
    """A secret in the configuration, where a reference belongs, is refused and not repeated."""
    file = program.folder / FILE
    before = file.read_text()
    pasted = canaries.new("pasted")
    file.write_text(before + f'[providers.groq]\napi_key = "{pasted}"\n')
    until(lambda: "refused, the old one stays" in program.err, 30.0, "the broken file is not told of")
    file.write_text(before + f'[providers.groq]\napi_key = "{pasted}\n')
    until(lambda: program.err.count("refused, the old one stays") == 2, 30.0, "the broken file is not told of")
    file.write_text(before)


def abort_under_load(program: Program, key: str, cloud: StandIn) -> None:
    """The process crashes with calls in flight, and prints its stacks."""
    mark = cloud.script(Script(words=200, pace_s=0.1), always=True)
    body: JsonObject = {**chat_body("openai/gpt-4o", mark), "stream": True}
    held = [Visit(str(number), CHAT, body, key) for number in range(HELD)]
    clients = threading.Thread(target=lambda: asyncio.run(visits(program.url, held)))
    clients.start()
    until(lambda: cloud.running == HELD, 30.0, "the calls do not run")
    program.signal(signal.SIGABRT)
    assert program.ended() == -signal.SIGABRT
    clients.join()
    assert "Fatal Python error: Aborted" in program.err


def _post(program: Program, path: str, body: JsonObject, headers: dict[str, str]) -> Answer:
    return ask(program.url, "POST", path, json.dumps(body).encode(), {"content-type": "application/json", **headers})
