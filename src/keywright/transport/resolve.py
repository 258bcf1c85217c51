"""Names to addresses: the system's resolver, remembered for a short while."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Resolver: TypeAlias = Callable[[str], Awaitable[tuple[Address, ...]]]
"""The addresses of a name, in the order in which to try them; raises OSError when there are none."""


async def resolve_by_system(host: str) -> tuple[Address, ...]:
    """Ask `getaddrinfo`, off the event loop's thread."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))


def literal_address(host: str) -> Address | None:
    """The address that `host` spells, in any form that a system's resolver reads (`127.1`, `0x7f000001`), or None."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


class ResolverCache:
    """Remembers at most `entries_max` answers of `resolver` for `age_s` seconds each.

    Callers of the same name at the same moment share one question. A failure is not remembered.
    """

    def __init__(self, resolver: Resolver, age_s: float, entries_max: int) -> None:
        self._resolver = resolver
        self._age_s = age_s
        self._entries_max = entries_max
        self._answers: dict[str, tuple[float, tuple[Address, ...]]] = {}
        self._questions: dict[str, asyncio.Task[tuple[Address, ...]]] = {}

    async def resolve(self, host: str) -> tuple[Address, ...]:
        """The addresses of `host`. Raises OSError."""
        answer = self._answers.get(host)
        if answer is not None and answer[0] > asyncio.get_running_loop().time():
            return answer[1]
        question = self._questions.get(host)
        if question is None:
            question = asyncio.create_task(self._ask(host))
            self._questions[host] = question
            question.add_done_callback(lambda done: self._answered(host, done))
        return await asyncio.shield(question)

    def forget(self, host: str) -> None:
        """Ask again next time: nobody answered at the addresses that were remembered."""
        self._answers.pop(host, None)

    async def aclose(self) -> None:
        """Give up the questions under way."""
        questions = tuple(self._questions.values())
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)

    async def _ask(self, host: str) -> tuple[Address, ...]:
        addresses = await self._resolver(host)
        self._answers.pop(host, None)
        if len(self._answers) >= self._entries_max:
            del self._answers[next(iter(self._answers))]
        self._answers[host] = (asyncio.get_running_loop().time() + self._age_s, addresses)
        return addresses

    def _answered(self, host: str, question: "asyncio.Task[tuple[Address, ...]]") -> None:
        del self._questions[host]
        if not question.cancelled():
            question.exception()  # looked at, so that a failure whose askers all left is not reported as lost
