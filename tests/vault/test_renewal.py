"""Credentials that run out: one renewal at a time, beside the requests, and never a wait while one is valid."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from keywright.core.errors import SecretError
from keywright.core.http import HttpRequest, Origin
from keywright.core.secret import Secret
from keywright.vault.credential import BearerCredential, Credential
from keywright.vault.renewal import DOUBTED_S_MIN, MARGIN_S, PAUSE_S, RENEWED_AT, Renewed, RenewingCredential
from tests.vault.hands import Hands

LIFE_S = 1000.0
HERE = Origin("https", "api.example.com", 443)


class Mint:
    """Gives `token-1`, `token-2`, …; or fails, or waits, as the test says."""

    def __init__(self, hands: Hands, life_s: float | None = LIFE_S) -> None:
        self.hands = hands
        self.life_s = life_s
        self.asked = 0
        self.why = ""
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Renewed:
        self.asked += 1
        number = self.asked
        await self.gate.wait()
        if self.why:
            raise SecretError(self.why)
        expires_s = None if self.life_s is None else self.hands.wall_s + self.life_s
        return Renewed(BearerCredential("cloud", Secret(f"token-{number}")), expires_s)


def renewing(mint: Mint) -> RenewingCredential:
    return RenewingCredential("cloud", "0123456789ab", mint, mint.hands.clock)


def token(credential: Credential) -> str:
    return credential.apply(HttpRequest(b"GET", b"/", ()), HERE).headers[0][1].decode().removeprefix("Bearer ")


async def settle(until: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not until():
            await asyncio.sleep(0)


async def test_one_credential_serves_until_four_fifths_of_its_life_are_over() -> None:
    mint = Mint(Hands())
    credential = renewing(mint)
    first = await credential.current()
    mint.hands.pass_by(LIFE_S * RENEWED_AT - 1)
    assert await credential.current() is first
    assert mint.asked == 1


async def test_a_valid_credential_is_given_without_suspending_while_a_new_one_is_fetched() -> None:
    mint = Mint(Hands())
    credential = renewing(mint)
    await credential.current()
    mint.hands.pass_by(LIFE_S * RENEWED_AT)
    mint.gate.clear()
    for _ in range(10):
        given = credential.current()
        with pytest.raises(StopIteration) as done:  # a coroutine that suspends would return something here instead
            given.send(None)
        assert token(done.value.value) == "token-1"
    await settle(lambda: mint.asked == 2)
    mint.gate.set()
    await asyncio.sleep(0.01)
    assert token(await credential.current()) == "token-2"
    assert mint.asked == 2


async def test_a_thousand_requests_that_find_nothing_valid_cause_one_renewal() -> None:
    mint = Mint(Hands())
    credential = renewing(mint)
    given = await asyncio.gather(*(credential.current() for _ in range(1000)))
    assert {token(one) for one in given} == {"token-1"}
    assert mint.asked == 1


async def test_the_old_credential_is_kept_while_it_is_valid_and_the_renewal_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mint = Mint(Hands())
    credential = renewing(mint)
    await credential.current()
    mint.hands.pass_by(LIFE_S * RENEWED_AT)
    mint.why = "the token service answered 500"
    with caplog.at_level(logging.WARNING, "keywright.vault"):
        await credential.current()
        await settle(lambda: bool(caplog.records))
    assert "cloud: the token service answered 500" in caplog.text
    assert token(await credential.current()) == "token-1"
    assert mint.asked == 2, "a failed renewal is not repeated at once"
    mint.hands.pass_by(PAUSE_S)
    await credential.current()
    await settle(lambda: mint.asked == 3)


async def test_when_nothing_is_valid_the_failure_says_whose_and_why_and_is_remembered_for_a_moment() -> None:
    mint = Mint(Hands())
    mint.why = "STS answered 403 (AccessDenied)"
    credential = renewing(mint)
    for _ in range(3):
        with pytest.raises(SecretError, match=r"^cloud: STS answered 403 \(AccessDenied\)$"):
            await credential.current()
    assert mint.asked == 1
    mint.why = ""
    mint.hands.pass_by(PAUSE_S)
    assert token(await credential.current()) == "token-2"


async def test_an_expired_credential_is_never_given() -> None:
    mint = Mint(Hands())
    credential = renewing(mint)
    await credential.current()
    mint.hands.pass_by(LIFE_S - MARGIN_S)
    mint.why = "unreachable"
    with pytest.raises(SecretError, match="unreachable"):
        await credential.current()


async def test_a_credential_that_has_run_out_when_it_comes_is_refused() -> None:
    mint = Mint(Hands(), life_s=0.0)
    with pytest.raises(SecretError, match="had run out when it came; is this machine's clock right"):
        await renewing(mint).current()


async def test_a_life_of_a_second_is_used() -> None:
    mint = Mint(Hands(), life_s=1.0)
    credential = renewing(mint)
    assert token(await credential.current()) == "token-1"
    mint.hands.pass_by(0.95)
    assert token(await credential.current()) == "token-2"


async def test_what_does_not_expire_is_fetched_once() -> None:
    mint = Mint(Hands(), life_s=None)
    credential = renewing(mint)
    await credential.current()
    mint.hands.pass_by(10 * 365 * 86_400)
    assert token(await credential.current()) == "token-1"


async def test_a_machine_that_slept_does_not_use_what_ran_out_meanwhile() -> None:
    mint = Mint(Hands())
    credential = renewing(mint)
    await credential.current()
    mint.hands.wall_s += LIFE_S
    assert token(await credential.current()) == "token-2"


async def test_a_wall_clock_that_is_set_back_does_not_stop_the_renewal() -> None:
    mint = Mint(Hands())
    credential = renewing(mint)
    await credential.current()
    mint.hands.wall_s -= 86_400
    mint.hands.ticks_s += LIFE_S * RENEWED_AT
    await credential.current()
    await settle(lambda: mint.asked == 2)


async def test_a_request_that_is_cancelled_while_it_waits_does_not_end_the_renewal_of_the_others() -> None:
    mint = Mint(Hands())
    mint.gate.clear()
    credential = renewing(mint)
    leaving, staying = (asyncio.create_task(credential.current()) for _ in range(2))
    await settle(lambda: mint.asked == 1)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    mint.gate.set()
    assert token(await staying) == "token-1"
    assert mint.asked == 1


async def test_a_renewal_that_hangs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keywright.vault.renewal.RENEWAL_S", 0.05)
    mint = Mint(Hands())
    mint.gate.clear()
    with pytest.raises(SecretError, match=r"cloud: no new credential within 0\.05 s"):
        await renewing(mint).current()


async def test_a_credential_that_the_provider_refuses_is_renewed_unless_it_is_new() -> None:
    mint = Mint(Hands(1_800_000_000.0))
    credential = renewing(mint)
    used = await credential.current()
    mint.hands.pass_by(DOUBTED_S_MIN - 1)
    assert not await credential.mended(used)
    assert mint.asked == 1
    mint.hands.pass_by(1)
    assert await credential.mended(used)
    assert await credential.mended(used), "another call that was refused at the same time finds the new one"
    assert token(await credential.current()) == "token-2"
    assert mint.asked == 2


async def test_it_shows_its_name_and_fingerprint_only() -> None:
    credential = renewing(Mint(Hands()))
    await credential.current()
    assert repr(credential) == "<renewing credential cloud 0123456789ab>"


async def test_when_what_is_held_runs_out_is_known_once_something_is() -> None:
    mint = Mint(Hands())
    credential = renewing(mint)
    assert credential.expires_s is None
    await credential.current()
    assert credential.expires_s == mint.hands.wall_s + LIFE_S
