"""Addresses are checked where they are connected to, whatever a name said before."""

from ipaddress import ip_address

import pytest

from keywright.core.errors import ConnectFailedError
from keywright.core.http import Deadlines, Origin, Reach
from keywright.transport import Pool, PoolSettings
from keywright.transport.resolve import Address, ResolverCache, literal_address
from tests.transport.upstream import always, fetch, nowhere, upstream


class Names:
    """A resolver whose answers change with each question."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> tuple[Address, ...]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not answer:
            raise OSError(5, "no such name")
        return tuple(ip_address(text) for text in answer.split())


def reach(host: str, port: int, *, private: bool = False, proxy: str | None = None) -> Reach:
    return Reach(Origin("http", host, port), private=private, proxy=proxy, deadlines=Deadlines(connect_s=1))


def only_203(address: Address) -> bool:
    return str(address).startswith("203.")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "::1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "::ffff:127.0.0.1"],
)
async def test_loopback_is_refused_in_every_spelling(host: str) -> None:
    checked: list[Address] = []

    def allowed(address: Address) -> bool:
        checked.append(address)
        return False

    async with upstream(always()) as served:
        connections = Pool(environment={}, allowed=allowed)
        with pytest.raises(ConnectFailedError, match="not public") as caught:
            await fetch(connections, reach(host, served.port))
        assert not caught.value.sent
        assert served.connections == 0
        carried = getattr(checked[0], "ipv4_mapped", None) or checked[0]
        assert carried.is_loopback
        await connections.aclose()


async def test_a_name_is_checked_by_its_addresses_and_one_bad_one_is_enough() -> None:
    for answer in ("127.0.0.1", "203.0.113.9 127.0.0.1"):
        connections = Pool(environment={}, allowed=only_203, resolver=Names(answer))
        with pytest.raises(ConnectFailedError, match=r"evil\.example is at an address that is not public") as caught:
            await fetch(connections, reach("evil.example", 80))
        assert "127.0.0.1" not in str(caught.value)
        assert caught.value.cause == "address"
        await connections.aclose()


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """Rebinding: the name answers well when asked first, and ill the second time. There is no second time."""
    async with upstream(always()) as served:
        names = Names("127.0.0.1", "127.0.0.2")
        connections = Pool(environment={}, allowed=lambda address: str(address) == "127.0.0.1", resolver=names)
        target = reach("rebinding.example", served.port)
        assert await fetch(connections, target) == (200, b"ok")
        assert names.asked == ["rebinding.example"]
        await connections.aclose()


async def test_the_check_is_made_for_each_connection_even_of_a_remembered_name() -> None:
    async with upstream(always(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")) as served:
        answers = iter([True, False])
        names = Names("127.0.0.1")
        connections = Pool(environment={}, allowed=lambda _: next(answers), resolver=names)
        target = reach("a.example", served.port)
        assert await fetch(connections, target) == (200, b"ok")
        with pytest.raises(ConnectFailedError, match="not public"):
            await fetch(connections, target)
        assert len(names.asked) == 1
        await connections.aclose()


async def test_the_operators_own_upstream_may_be_private() -> None:
    async with upstream(always()) as served:
        connections = Pool(environment={}, allowed=nowhere)
        assert await fetch(connections, reach("localhost", served.port, private=True)) == (200, b"ok")
        await connections.aclose()


async def test_addresses_are_tried_in_order() -> None:
    async with upstream(always()) as served:
        connections = Pool(environment={}, allowed=nowhere, resolver=Names("127.0.0.9 ::1 127.0.0.1"))
        assert await fetch(connections, reach("many.example", served.port, private=True)) == (200, b"ok")
        await connections.aclose()


async def test_a_name_without_address_is_told() -> None:
    connections = Pool(environment={}, allowed=nowhere, resolver=Names(""))
    with pytest.raises(ConnectFailedError, match=r"nowhere\.example does not resolve") as caught:
        await fetch(connections, reach("nowhere.example", 80))
    assert caught.value.cause == "name"
    await connections.aclose()


async def test_names_are_remembered_for_a_while_and_forgotten_when_nobody_answers() -> None:
    async with upstream(always()) as served:
        names = Names("127.0.0.1")
        connections = Pool(PoolSettings(idle_s=0), environment={}, allowed=nowhere, resolver=names)
        for _ in range(3):
            await fetch(connections, reach("a.example", served.port, private=True))
        assert len(names.asked) == 1
        for _ in range(2):
            with pytest.raises(ConnectFailedError, match="cannot connect") as caught:
                await fetch(connections, reach("b.example", 1, private=True))
            assert caught.value.cause == "unreachable"
        assert names.asked == ["a.example", "b.example", "b.example"]
        await connections.aclose()


async def test_no_more_names_are_remembered_than_bounded() -> None:
    cache = ResolverCache(Names("127.0.0.1"), age_s=60, entries_max=3)
    for number in range(10):
        await cache.resolve(f"{number}.example")
    assert list(cache._answers) == ["7.example", "8.example", "9.example"]


async def test_an_old_answer_is_asked_for_again() -> None:
    names = Names("127.0.0.1", "127.0.0.2")
    cache = ResolverCache(names, age_s=0, entries_max=3)
    assert await cache.resolve("a") == (ip_address("127.0.0.1"),)
    assert await cache.resolve("a") == (ip_address("127.0.0.2"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("::1", "::1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("a.example", None),
        ("", None),
        ("b\u00fccher", None),
    ],
)
def test_literal_addresses(text: str, expected: str | None) -> None:
    assert literal_address(text) == (ip_address(expected) if expected else None)
