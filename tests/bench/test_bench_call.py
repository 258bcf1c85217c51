"""The same call, as wrk's script, as an nginx answer, as raw bytes, and in the gateway's configuration."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from bench import gateway, nginx, payloads
from bench.__main__ import main
from bench.install import without_hashes
from bench.load import Load, lua, read_result
from bench.target import Call, raw_request
from bench.upstreams import Upstreams

UPSTREAMS = Upstreams(fixed=1001, paced=1002, slow=1003)


def test_a_raw_request_has_its_length_and_headers() -> None:
    raw = raw_request(Call(8080, "/v1/x", b'{"a":1}', (("x-api-key", "k"),)))
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /v1/x HTTP/1.1",
        b"host: 127.0.0.1:8080",
        b"content-type: application/json",
        b"x-api-key: k",
        b"content-length: 7",
    ]
    assert body == b'{"a":1}'


def test_wrk_gets_the_body_and_the_headers_quoted() -> None:
    script = lua([Call(1, "/v1/x", b'{"a":"b\\n"}', (("authorization", "Bearer k"),))])
    assert 'calls[1] = wrk.format("POST", "/v1/x", {["Host"] = "127.0.0.1:1"' in script
    assert '["authorization"] = "Bearer k"' in script
    assert r'"{\"a\":\"b\\n\"}")' in script


def test_the_result_is_found_behind_what_wrk_prints() -> None:
    printed = 'Running 1s test @ http://127.0.0.1\n  Req/Sec 9k\n{"requests":5,"wall_us":1000,"failed":0}'
    assert read_result(printed) == Load(requests=5, wall_us=1000, failed=0)
    assert read_result("unable to connect") is None


def test_answers_survive_the_quoting_of_nginx() -> None:
    quoted = nginx.quoted(rb"""{"a":"it's \"so\""}""")
    assert quoted == r"""'{"a":"it\'s \\"so\\""}'"""
    for answer in (payloads.openai_completion(), payloads.openai_tool_completion(), payloads.anthropic_tool_message()):
        assert b"$" not in answer


def test_sizes_are_those_that_are_claimed() -> None:
    assert 250 < len(payloads.openai_request("edge/bench")) < 400
    assert 600 < len(payloads.openai_completion()) < 800


def test_every_lane_goes_through_nginx_and_through_the_gateway() -> None:
    assert nginx.calls(1).keys() == gateway.calls(1, "k").keys()


def test_the_configuration_names_every_provider_that_is_called_and_prices_it() -> None:
    size = gateway.Size(aliases=3)
    config = tomllib.loads(gateway.configuration(Path("/somewhere"), UPSTREAMS, size))
    called = {msgspec.json.decode(call.body)["model"] for call in gateway.calls(1, "k").values()}
    assert called <= {price["model"] for price in config["prices"]}
    assert {model.partition("/")[0] for model in called} <= config["providers"].keys()
    assert list(config["models"]) == ["alias-00000", "alias-00001", "alias-00002"]
    assert config["providers"]["tools"]["base_url"] == "http://127.0.0.1:1001/tools/v1"


def test_a_lock_becomes_constraints() -> None:
    first = "a==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    second = "b==2 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n"
    assert without_hashes(first + second) == "a==1.0 ; sys_platform == 'win32'\nb==2\n"


def test_without_nginx_the_benchmark_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert main(["--quick", "--targets", "nginx"]) == 2
    assert "apt-get install" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--seconds", "9999"], ["--only", "nothing"]])
def test_nonsense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err
