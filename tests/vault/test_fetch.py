"""Token services are asked within bounds, and their failures say what is wrong and show no secret."""

import asyncio
import ssl
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme
from msgspec import Struct

from keywright.core.errors import ConnectFailedError, SecretError, UpstreamBrokeError
from keywright.core.http import Deadlines, HttpRequest, Origin, Reach
from keywright.core.secret import Secret
from keywright.guard.address import is_public
from keywright.transport.pool import Pool
from keywright.vault.fetch import (
    ANSWER_BYTES_MAX,
    ATTEMPTS_MAX,
    FAR,
    NEAR,
    SAID_CHARACTERS_MAX,
    Answer,
    Fetch,
    Question,
    Where,
    place,
)
from keywright.vault.hidden import Hidden
from tests.vault.hands import Hands
from tests.vault.standin import Received, Say, service

HERE = Origin("https", "token.example", 443)
CANARY = "canary-8d1c-token"


class Token(Struct):
    access_token: str
    expires_in: int


async def test_an_answer_is_decoded(fetch: Fetch) -> None:
    async with service(lambda _: Say('{"access_token": "t", "expires_in": "3599"}')) as running:
        question = Question("the token service", running.url + "/token?a=b", "written", body=b"x=y")
        assert fetch.decoded(question, await fetch.ask(question), Token) == Token("t", 3599)
    assert [(r.method, r.target, r.body) for r in running.received] == [("POST", "/token?a=b", b"x=y")]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_failure_that_passes_is_asked_again(fetch: Fetch, status: int) -> None:
    answers = [Say("busy", status), Say("busy", status), Say("{}")]
    async with service(lambda _: answers.pop(0)) as running:
        assert (await fetch.ask(Question("it", running.url, "written", repeatable=True))).status == 200
    assert len(running.received) == ATTEMPTS_MAX


@pytest.mark.parametrize(
    ("method", "repeatable", "times"),
    [
        (b"POST", None, 1),
        (b"PATCH", None, 1),
        (b"GET", False, 1),
        (b"POST", True, ATTEMPTS_MAX),
        *((method, None, ATTEMPTS_MAX) for method in (b"GET", b"PUT", b"DELETE")),
    ],
)
async def test_what_was_perhaps_done_is_asked_again_only_where_that_does_no_harm(
    hands: Hands, fetch: Fetch, method: bytes, repeatable: bool | None, times: int
) -> None:
    breaking = Breaking()
    breaker = Fetch(breaking, hands.clock, pause=lambda _: asyncio.sleep(0))
    async with service(lambda _: Say("done, but not told", 500)) as running:
        question = Question("it", running.url, "written", method, repeatable=repeatable)
        assert (await fetch.ask(question)).status == 500
        with pytest.raises(SecretError, match="gave no answer: the connection ended"):
            await breaker.ask(question)
    assert (len(running.received), len(breaking.asked)) == (times, times)
    assert {request.once for request in breaking.asked} == {times == 1}


async def test_what_a_service_had_too_much_of_was_not_done(fetch: Fetch) -> None:
    answers = [Say("later", 429), Say("made", 201)]
    async with service(lambda _: answers.pop(0)) as running:
        assert (await fetch.ask(Question("it", running.url, "written"))).status == 201
    assert len(running.received) == 2


async def test_a_failure_that_stays_is_told(fetch: Fetch) -> None:
    async with service(lambda _: Say("busy", 503)) as running:
        question = Question("the token service", running.url, "written", b"GET")
        reply = await fetch.ask(question)
        with pytest.raises(SecretError, match=r"^the token service answered 503$"):
            fetch.decoded(question, reply, Token)
    assert len(running.received) == ATTEMPTS_MAX


async def test_a_refusal_is_not_asked_again_and_its_reason_is_told_without_the_secret(fetch: Fetch) -> None:
    said = f'{{"error": "invalid_grant", "error_description": "assertion {CANARY} is\\r\\nbad", "trace": "{CANARY}"}}'
    async with service(lambda _: Say(said, 400)) as running:
        question = Question("the token service", running.url, "written", hidden=Hidden(Secret(CANARY)))
        reply = await fetch.ask(question)
        with pytest.raises(SecretError) as failure:
            fetch.decoded(question, reply, Token)
    assert len(running.received) == 1
    fingerprint = Secret(CANARY).fingerprint
    assert str(failure.value) == (
        f"the token service answered 400 (invalid_grant: assertion <secret {fingerprint}> is  bad)"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "no"}}', " (PERMISSION_DENIED: no)"),
        ('{"Code": "AccessDenied", "Message": "no"}', " (AccessDenied: no)"),
        ('{"error": "' + "x" * 1000 + '"}', f" ({'x' * (SAID_CHARACTERS_MAX - 1)}…)"),
        ('{"error": ["a", {}], "message": 5}', ""),
        ("[1]", ""),
        ("<html>", ""),
        (b"\xff", ""),
    ],
)
async def test_only_the_fields_meant_for_people_are_repeated(fetch: Fetch, body: str | bytes, words: str) -> None:
    async with service(lambda _: Say(body, 403)) as running:
        question = Question("it", running.url, "written")
        assert str(fetch.refused(question, await fetch.ask(question))) == f"it answered 403{words}"


@pytest.mark.parametrize("body", ["", "garbage", "[]", '{"access_token": 5, "expires_in": 1}', '{"expires_in": 1}'])
async def test_an_answer_that_is_no_token_is_refused_without_repeating_it(fetch: Fetch, body: str) -> None:
    async with service(lambda _: Say(body)) as running:
        question = Question("it", running.url, "written")
        with pytest.raises(SecretError, match=r"^it answered with something that is no token$") as failure:
            fetch.decoded(question, await fetch.ask(question), Token)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


async def test_a_redirect_is_not_followed(fetch: Fetch) -> None:
    async with service(lambda _: Say("", 302, (("location", "http://127.0.0.1:1/"),))) as running:
        question = Question("it", running.url, "written")
        with pytest.raises(SecretError, match="it answered 302"):
            fetch.decoded(question, await fetch.ask(question), Token)
    assert len(running.received) == 1


async def test_an_answer_without_end_is_cut(fetch: Fetch) -> None:
    async with service(lambda _: Say(b"x" * (ANSWER_BYTES_MAX + 1))) as running:
        with pytest.raises(SecretError, match=r"it \(127\.0\.0\.1\) gave no answer"):
            await fetch.ask(Question("it", running.url, "written"))


async def test_a_service_that_is_not_there_is_told_so(fetch: Fetch, unused_tcp_port: int) -> None:
    with pytest.raises(SecretError, match=r"it \(127\.0\.0\.1\) gave no answer: "):
        await fetch.ask(Question("it", f"http://127.0.0.1:{unused_tcp_port}", "near"))


async def test_a_service_that_hangs_is_given_up(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keywright.vault.fetch.NEAR", Deadlines(1, 0.05, 0.05, 0.1))

    async def hang(_: Received) -> Say:
        await asyncio.sleep(1)
        return Say("late")

    async with service(hang) as running:
        with pytest.raises(SecretError, match="gave no answer: first_byte deadline"):
            await fetch.ask(Question("it", running.url, "near"))


async def test_a_vendor_s_constant_must_be_a_public_address(fetch: Fetch) -> None:
    async with service(lambda _: Say("{}")) as running:
        with pytest.raises(SecretError, match="gave no answer"):
            await fetch.ask(Question("it", running.url, "public"))
    assert running.received == []


@pytest.mark.parametrize(("ahead_s", "said"), [(3600, "3600 s ahead"), (-3600, "3600 s behind"), (5, "")])
async def test_a_clock_that_differs_is_named_where_a_service_refuses(
    fetch: Fetch, hands: Hands, ahead_s: int, said: str
) -> None:
    date = format_datetime(datetime.fromtimestamp(hands.wall_s, UTC), usegmt=True)
    hands.wall_s = int(hands.wall_s) + ahead_s
    async with service(lambda _: Say("{}", 403, (("date", date),))) as running:
        question = Question("it", running.url, "written")
        message = str(fetch.refused(question, await fetch.ask(question)))
    assert message == "it answered 403" + (f"; this machine's clock is {said}" if said else "")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "token",
            "ftp://a/b",
            "http://",
            "https://user@host/",
            "https://host/#x",
            "https://ho st/",
            "https://h:x/",
        ),
        *("file:///etc/passwd", "https://host/\r\nx", "https://hö.st/", "//host/"),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SecretError, match=r"^the address of it is not an http:// or https:// URL$"):
        place("it", url)


def test_a_secret_in_an_error_is_hidden_when_it_is_not_ascii() -> None:
    assert Hidden(Secret("schlüssel")).redact("ein schlüssel!".encode()).startswith(b"ein <secret ")


class Breaking:
    """Where each connection ends without an answer: it keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[HttpRequest] = []

    async def send(self, _: Reach, request: HttpRequest) -> Answer:
        self.asked.append(request)
        raise UpstreamBrokeError("the connection ended")


class Nobody:
    """Where nobody answers: it keeps how it was reached."""

    def __init__(self) -> None:
        self.reaches: list[Reach] = []

    async def send(self, reach: Reach, _: HttpRequest) -> Answer:
        self.reaches.append(reach)
        raise ConnectFailedError("nobody is here")


@pytest.mark.parametrize(
    ("where", "reach", "attempts"),
    [
        ("public", Reach(HERE, None, "http://proxy:3128", private=False, deadlines=FAR, connections_max=8), 3),
        ("written", Reach(HERE, "/ca.pem", "http://proxy:3128", private=True, deadlines=FAR, connections_max=8), 3),
        ("near", Reach(HERE, None, "", private=True, deadlines=NEAR, connections_max=8), 1),
    ],
)
async def test_how_a_service_is_reached_follows_from_whose_address_it_is(
    hands: Hands, where: Where, reach: Reach, attempts: int
) -> None:
    nobody = Nobody()
    fetch = Fetch(nobody, hands.clock, ca_file="/ca.pem", proxy="http://proxy:3128", pause=lambda _: asyncio.sleep(0))
    with pytest.raises(SecretError, match=r"it \(token\.example\) gave no answer: nobody is here"):
        await fetch.ask(Question("it", "https://token.example/x", where))
    assert nobody.reaches == [reach] * attempts


async def test_the_environment_s_proxy_never_sees_a_metadata_service(hands: Hands) -> None:
    async with service(lambda _: Say("through the proxy")) as proxy, service(lambda _: Say("direct")) as metadata:
        pool = Pool(allowed=is_public, environment={"HTTP_PROXY": proxy.url, "http_proxy": proxy.url})
        fetch = Fetch(pool, hands.clock)
        assert (await fetch.ask(Question("it", metadata.url, "near"))).body == b"direct"
        assert proxy.received == []
        assert (await fetch.ask(Question("it", "http://sts.corp.example/", "written"))).body == b"through the proxy"
        await pool.aclose()


async def test_an_address_that_the_operator_wrote_is_trusted_by_the_operator_s_authority(
    hands: Hands, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    async with service(lambda _: Say("trusted"), tls) as running:
        pool = Pool(allowed=is_public, environment={})
        asked = Question("it", running.url.replace("127.0.0.1", "localhost"), "written")
        fetch = Fetch(pool, hands.clock, ca_file=str(tmp_path / "ca.pem"), pause=lambda _: asyncio.sleep(0))
        assert (await fetch.ask(asked)).body == b"trusted"
        with pytest.raises(SecretError, match="not trusted"):
            await Fetch(pool, hands.clock, pause=lambda _: asyncio.sleep(0)).ask(asked)
        await pool.aclose()
