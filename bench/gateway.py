"""Keywright itself, used as anybody uses it: a configuration file, `keywright key create`, `keywright up`."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bench import payloads
from bench.errors import BenchError
from bench.nginx import TOOLS_PREFIX
from bench.process import HOST, LOG_CHARS_SHOWN, await_listening, free_port, running
from bench.seed import seed_keys
from bench.target import Call, Lane, Program, Start, Target
from bench.upstreams import Upstreams

START_S: Final = 60.0
COMMAND_S_MAX: Final = 60.0
ADMIN_KEY: Final = "bench-admin-key-for-loopback-only-0123456789"
UPSTREAM_KEY: Final = "bench-upstream-key"
MODEL: Final = "bench"
CONNECTIONS_MAX: Final = 4096
"""To one provider: the default is less than the streams that are opened at once."""
NAME: Final = "keywright"
DATABASE: Final = "keywright.db"


class Size(Struct, frozen=True):
    """How much the gateway knows: keys in its store, aliases in its configuration."""

    keys: int = 1
    aliases: int = 0


class Prepared(Struct, frozen=True):
    """A gateway that can be started. `keys` are all that its store has."""

    config: Path
    keys: tuple[str, ...]


class _Key(Struct):
    id: str
    key: str


def gateway(core: int, upstreams: Upstreams) -> Program:
    """Keywright in front of `upstreams`, with one key."""

    def prepare(folder: Path) -> Start:
        prepared = prepare_gateway(folder, upstreams, Size())
        return lambda: serving(core, prepared)

    return Program(name=NAME, prepare=prepare)


def prepare_gateway(folder: Path, upstreams: Upstreams, size: Size, extra: str = "") -> Prepared:
    """Write the configuration into `folder`, `extra` behind it, and make the keys: the first by the command, the rest
    all at once.
    """
    config = folder / "keywright.toml"
    config.write_text(configuration(folder, upstreams, size) + extra, encoding="utf-8")
    first = _create_key(config)
    return Prepared(config=config, keys=(first, *seed_keys(folder / DATABASE, size.keys - 1)))


def find_keywright() -> Path:
    """The command of the environment that runs the benchmark. Raises BenchError when it cannot start a gateway yet."""
    command = Path(sys.executable).with_name("keywright")
    if not command.exists():
        raise BenchError(f"{command} does not exist: install the project (make bench does it)")
    helped = subprocess.run([command, "up", "--help"], capture_output=True, timeout=COMMAND_S_MAX, check=False)
    if helped.returncode != 0 or b"--config" not in helped.stdout:
        raise BenchError("this keywright has no `up --config`; measure the limit alone with --targets nginx")
    return command


def configuration(folder: Path, upstreams: Upstreams, size: Size) -> str:
    """The file: one provider per upstream and dialect, priced, and `size.aliases` aliases of the first."""
    providers = {
        "edge": ("openai-compatible", f"http://{HOST}:{upstreams.fixed}/v1"),
        "tools": ("openai-compatible", f"http://{HOST}:{upstreams.fixed}{TOOLS_PREFIX}/v1"),
        "claude": ("anthropic", f"http://{HOST}:{upstreams.fixed}"),
        "paced": ("openai-compatible", f"http://{HOST}:{upstreams.paced}/v1"),
        "paced-claude": ("anthropic", f"http://{HOST}:{upstreams.paced}"),
        "slow": ("openai-compatible", f"http://{HOST}:{upstreams.slow}/v1"),
    }
    parts = [f'[server]\nhost = "{HOST}"\n', f'[store]\nurl = "sqlite:///{folder / DATABASE}"\n']
    for name, (kind, address) in providers.items():
        parts.append(
            f'[providers.{name}]\nkind = "{kind}"\nbase_url = "{address}"\n'
            f'api_key = "env:BENCH_UPSTREAM_KEY"\nconnections_max = {CONNECTIONS_MAX}\n'
        )
        parts.append(f'[[prices]]\nmodel = "{name}/{MODEL}"\ninput = "0.15"\noutput = "0.60"\n')
    aliases = "".join(f'{alias_name(index)} = {{route = "edge/{MODEL}"}}\n' for index in range(size.aliases))
    return "\n".join([*parts, f"[models]\n{aliases}"])


def alias_name(index: int) -> str:
    """The name of the alias with that number."""
    return f"alias-{index:05d}"


def calls(port: int, key: str) -> Mapping[Lane, Call]:
    """What the gateway at `port` answers."""
    chat, messages = "/v1/chat/completions", "/v1/messages"
    bearer = (("authorization", f"Bearer {key}"),)
    anthropic = (("x-api-key", key), ("anthropic-version", "2023-06-01"))
    stream = payloads.openai_stream_request
    return {
        "chat": Call(port, chat, payloads.openai_request(f"edge/{MODEL}"), bearer, b"Volga"),
        "tools": Call(port, chat, payloads.openai_tool_request(f"claude/{MODEL}"), bearer, b"tool_calls"),
        "tools-back": Call(port, messages, payloads.anthropic_tool_request(f"tools/{MODEL}"), anthropic, b"tool_use"),
        "stream": Call(port, chat, stream(f"paced/{MODEL}"), bearer, payloads.MARK),
        "stream-translated": Call(port, chat, stream(f"paced-claude/{MODEL}"), bearer, payloads.MARK),
        "open": Call(port, chat, stream(f"slow/{MODEL}"), bearer, b"data:"),
    }


@contextlib.contextmanager
def serving(core: int, prepared: Prepared) -> Iterator[Target]:
    """The gateway, running."""
    port = free_port()
    log = prepared.config.with_name("gateway.log")
    command = [str(find_keywright()), "up", "--config", str(prepared.config), "--host", HOST, "--port", str(port)]
    with running(command, core, log, _environment()) as process:
        await_listening(process, port, log, START_S)
        yield Target(name=NAME, pid=process.pid, calls=calls(port, prepared.keys[0]))


def _create_key(config: Path) -> str:
    ended = subprocess.run(
        [str(find_keywright()), "key", "create", "--name", "bench", "--config", str(config), "--json"],
        capture_output=True,
        env=_environment(),
        timeout=COMMAND_S_MAX,
        check=False,
    )
    if ended.returncode != 0:
        said = (ended.stderr or ended.stdout).decode("utf-8", "replace")[-LOG_CHARS_SHOWN:]
        raise BenchError(f"`keywright key create` failed with status {ended.returncode}: {said}")
    return msgspec.json.decode(ended.stdout, type=_Key).key


def _environment() -> dict[str, str]:
    """No provider of whoever runs the benchmark is found: only what a program needs, and our two keys."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY, "BENCH_UPSTREAM_KEY": UPSTREAM_KEY}
