"""nginx, twice: the upstream that answers at once with fixed bytes, and the plain reverse proxy that is the limit."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bench import payloads
from bench.errors import MissingToolError
from bench.process import HOST, await_listening, free_port, running
from bench.target import Call, Lane, Program, Start, Target
from bench.upstreams import Upstreams

START_S: Final = 5.0
CONNECTIONS_MAX: Final = 8192
KEEPALIVE_CONNECTIONS: Final = 512
REQUESTS_PER_CONNECTION: Final = 100_000_000
TOOLS_PREFIX: Final = "/tools"
"""Where the fixed upstream's OpenAI face answers with a tool call."""


def find_nginx() -> str:
    """The program. Raises MissingToolError."""
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        raise MissingToolError("nginx is not installed (Debian: apt-get install nginx-light)")
    return found


@contextlib.contextmanager
def fixed_upstream(core: int, folder: Path) -> Iterator[int]:
    """A port that answers each of these paths with its fixed JSON and a content-length."""
    port = free_port()
    answers = {
        "/v1/chat/completions": payloads.openai_completion(),
        f"{TOOLS_PREFIX}/v1/chat/completions": payloads.openai_tool_completion(),
        "/v1/messages": payloads.anthropic_tool_message(),
        "/v1/models": payloads.models(),
        f"{TOOLS_PREFIX}/v1/models": payloads.models(),
    }
    locations = "".join(
        f"location = {path} {{ default_type application/json; return 200 {quoted(answer)}; }}\n"
        for path, answer in answers.items()
    )
    with _nginx(f"server {{ listen {HOST}:{port} backlog=4096;\n{locations}}}", port, core, folder):
        yield port


def reverse_proxy(core: int, upstreams: Upstreams) -> Program:
    """The limit: one worker, kept-alive connections to the upstreams, no buffering of streams."""

    def prepare(folder: Path) -> Start:
        return lambda: _proxying(core, folder, upstreams)

    return Program(name="nginx", prepare=prepare)


@contextlib.contextmanager
def _proxying(core: int, folder: Path, upstreams: Upstreams) -> Iterator[Target]:
    port = free_port()
    with _nginx(proxy_config(port, upstreams), port, core, folder) as pid:
        yield Target(name="nginx", pid=pid, calls=calls(port))


def calls(port: int) -> Mapping[Lane, Call]:
    """What the proxy at `port` answers; on translated lanes, the upstream's own dialect."""
    chat, messages = "/v1/chat/completions", "/v1/messages"
    anthropic = (("anthropic-version", "2023-06-01"),)
    stream = payloads.openai_stream_request("bench")
    return {
        "chat": Call(port, chat, payloads.openai_request("bench"), expected=b"Volga"),
        "tools": Call(port, messages, payloads.anthropic_tool_request("bench"), anthropic, b"tool_use"),
        "tools-back": Call(port, TOOLS_PREFIX + chat, payloads.openai_tool_request("bench"), expected=b"tool_calls"),
        "stream": Call(port, "/paced" + chat, stream, expected=payloads.MARK),
        "stream-translated": Call(
            port, "/paced" + messages, payloads.anthropic_stream_request("bench"), anthropic, payloads.MARK
        ),
        "open": Call(port, "/slow" + chat, stream, expected=b"data:"),
    }


def proxy_config(port: int, upstreams: Upstreams) -> str:
    """The part of the configuration that makes nginx a reverse proxy for `upstreams`."""
    pools = "".join(
        f"upstream {name} {{ server {HOST}:{upstream}; keepalive {KEEPALIVE_CONNECTIONS}; "
        f"keepalive_requests {REQUESTS_PER_CONNECTION}; }}\n"
        for name, upstream in (("fixed", upstreams.fixed), ("paced", upstreams.paced), ("slow", upstreams.slow))
    )
    return f"""{pools}
proxy_http_version 1.1;
proxy_set_header Connection "";
server {{
  listen {HOST}:{port} backlog=4096;
  location / {{ proxy_pass http://fixed; }}
  location /paced/ {{ proxy_buffering off; proxy_pass http://paced/; }}
  location /slow/ {{ proxy_buffering off; proxy_pass http://slow/; }}
}}"""


def quoted(text: bytes) -> str:
    """`text` as one string of an nginx configuration. It must not contain `$`, which nginx cannot escape."""
    return "'" + text.decode().replace("\\", "\\\\").replace("'", "\\'") + "'"


@contextlib.contextmanager
def _nginx(servers: str, port: int, core: int, folder: Path) -> Iterator[int]:
    """nginx with one worker and these servers, in `folder`; its process id."""
    program = find_nginx()
    config, log = folder / "nginx.conf", folder / "nginx.log"
    temporary = "".join(
        f"{name}_temp_path {folder / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(
        f"""daemon off; {user} pid {folder / "nginx.pid"}; error_log {log} error;
worker_processes 1; worker_rlimit_nofile {2 * CONNECTIONS_MAX + 64};
events {{ worker_connections {CONNECTIONS_MAX}; }}
http {{
{temporary} access_log off; keepalive_timeout 600s; keepalive_requests {REQUESTS_PER_CONNECTION};
{servers}
}}
""",
        encoding="utf-8",
    )
    command = [program, "-p", str(folder), "-c", str(config), "-e", str(log)]
    with running(command, core, log) as process:
        await_listening(process, port, log, START_S)
        yield process.pid
