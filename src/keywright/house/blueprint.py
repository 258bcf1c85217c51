"""What a house is built from: the configuration, and everything that comes from outside."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from keywright.config import Config, discover, load, with_found
from keywright.core.clock import SYSTEM_CLOCK, Clock
from keywright.core.redaction import Redactor
from keywright.providers import PROVIDERS
from keywright.providers.discovery import Probe, probes
from keywright.providers.discovery import discover as discover_local
from keywright.rotation.steps import USUAL, Pace

FILE_NAME: Final = "keywright.toml"
DOTENV: Final = ".env"
PROBE_ANSWER_BYTES: Final = 512


class Blueprint(Struct, frozen=True, eq=False):
    """`config_path`: the file that `config` came from, None when there is none. `base`: the folder to which its
    relative paths and `.env` belong. `redactor` learns each secret that is loaded. `pace`: how long things are waited
    for while a key is replaced.
    """

    config: Config
    config_path: Path | None
    base: Path
    environment: Mapping[str, str]
    clock: Clock = SYSTEM_CLOCK
    redactor: Redactor = msgspec.field(default_factory=Redactor)
    pace: Pace = USUAL


async def plan_house(config_path: Path | None, environment: Mapping[str, str], base: Path) -> Blueprint:
    """The blueprint by `config_path`, or without a file by what the environment, `.env` and this machine offer.

    Raises:
        ConfigError: the file, or what stands in its place, is wrong.
        SecretError: `.env` may not be read.
    """
    if config_path is not None:
        return Blueprint(load(config_path), config_path, config_path.parent, environment)
    config = Config(providers=discover(environment, base / DOTENV))
    found = await discover_local(probes(PROVIDERS), answers)
    return Blueprint(with_found(config, found), None, base, environment)


async def answers(probe: Probe) -> bool:
    """Whether somebody speaks HTTP at the probe's address and has a list of models there."""
    reader, writer = await asyncio.open_connection(probe.host, probe.port)
    try:
        host = f"{probe.host}:{probe.port}"
        writer.write(f"GET {probe.path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        answer = await reader.read(PROBE_ANSWER_BYTES)
    finally:
        writer.close()
    return answer.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))


def with_address(blueprint: Blueprint, host: str | None, port: int | None) -> Blueprint:
    """`blueprint` with the command line's address in place of the configuration's."""
    server = blueprint.config.server
    server = msgspec.structs.replace(server, host=host or server.host, port=server.port if port is None else port)
    return msgspec.structs.replace(blueprint, config=msgspec.structs.replace(blueprint.config, server=server))


def store_url(blueprint: Blueprint) -> str:
    """The store's URL, with a relative SQLite path made absolute from the base folder."""
    url = blueprint.config.store.url
    scheme, separator, path = url.partition(":///")
    if not separator or not scheme.startswith("sqlite") or not path or path.startswith("/"):
        return url
    return f"{scheme}:///{(blueprint.base / path).resolve()}"
