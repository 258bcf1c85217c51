"""A world in which rotations run: a provider with limits, a store of keys, processes that call, and a clock.

Everything that the machine does to the world is numbered, and it can be killed before or after each: then nothing of
what it holds in memory gets out any more, as if its process were gone. After everything that happens, and every second,
the law is looked at: every process' key works at the provider.
"""

import itertools
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final, TypeVar, cast

from msgspec import Struct, field

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import RotationError, SecretAbsentError, SecretError
from keywright.core.rotation import DriverKind, KeyMark, Rotation
from keywright.core.secret import Secret
from keywright.providers.check import Verdict
from keywright.rotation.driver import Created
from keywright.rotation.engine import Engine
from keywright.rotation.steps import Pace
from keywright.rotation.surroundings import Records, Surroundings, Target
from keywright.store.credentials import CredentialStates
from keywright.store.database import Database
from keywright.store.rotations import Rotations

START_S: Final = 1_800_000_000
BRISK: Final = Pace(claim_s=12, settle_s=20, patience_s=60)
NUMBERS = itertools.count(1)

T = TypeVar("T")


class Killed(BaseException):
    """The machine's process is gone."""


class Limits(Struct, frozen=True):
    """What a provider can. `slots`: keys at most. `learns_s`: until a new key is accepted; `lists_s`: until it is
    listed. `has_names`: keys are found by their names, else by being in the other slot. `proves`: a check is free.
    """

    creates: bool = True
    disables: bool = True
    deletes: bool = True
    slots: int = 100
    learns_s: int = 0
    lists_s: int = 0
    has_names: bool = True
    tells_use: bool = True
    proves: bool = True


class ProviderKey(Struct):
    """A key at the provider."""

    id: str
    secret: Secret
    name: str
    made_s: float
    is_active: bool = True
    used_s: int = 0


class Process(Struct):
    """A gateway. It reads the store `slow_s` after it was asked to; `is_cut_off`: it cannot read it."""

    name: str
    secret: Secret
    slow_s: float = 0.0
    is_cut_off: bool = False
    due_s: float | None = None


class Faults(Struct):
    """What goes wrong. `dies_at`: twice the number of what the machine is killed before, one more: after. `odds`: of a
    failure that passes, before or after what was asked is done. `refused`: what is asked → how often it is refused.
    """

    dies_at: list[int] = field(default_factory=list)
    odds: float = 0.0
    random: Random = field(default_factory=Random)
    refused: dict[str, int] = field(default_factory=dict)


class World:
    """`credential` is the name of the one that there is; its key is in use by two processes."""

    def __init__(self, database: Database, limits: Limits, *, pace: Pace = BRISK, kind: DriverKind = "api") -> None:
        self.number = next(NUMBERS)
        self.credential = f"shop/{self.number}"
        self.now_s = float(START_S)
        self.limits = limits
        self.pace = pace
        self.kind = kind
        self.faults = Faults()
        self.effects = 0
        self.done: list[str] = []
        self.is_dead = False
        self.states = CredentialStates(database)
        self.rotations = Rotations(database)
        self.first = ProviderKey("k0", Secret(f"first-{self.number}"), "by hand", START_S - 1e6)
        self.provider: dict[str, ProviderKey] = {"k0": self.first}
        self.stored = self.first.secret
        self.previous: Secret | None = None
        self.processes = [
            Process(f"gw-{self.number}-a", self.stored),
            Process(f"gw-{self.number}-b", self.stored, slow_s=3.0),
        ]
        self.strangers: list[Secret] = []
        self.engines: list[Engine] = []
        self.at: dict[float, Callable[[], Awaitable[object]]] = {}
        self._made = itertools.count(1)
        self._ids = itertools.count(1)
        self._beaten_s = 0.0

    async def open(self) -> "World":
        """The processes begin to call."""
        for process in self.processes:
            await self.states.say(self.credential, process.name, process.secret.fingerprint, int(self.now_s))
        return self

    def engine(self) -> Engine:
        """The machine of another process."""
        self.is_dead = False
        records = Records(
            cast("Rotations", _Watched(self, self.rotations)), cast("CredentialStates", _Watched(self, self.states))
        )
        surroundings = Surroundings(records, StoredKeys(self), self.prove, self.target)
        clock = Clock(unix_us=lambda: int(self.now_s * SECOND_US), ticks_us=lambda: int(self.now_s * SECOND_US))
        engine = Engine(
            surroundings,
            f"engine-{self.number}-{len(self.engines)}",
            clock,
            lambda: f"rot_{self.number}_{next(self._ids)}",
            pause=self.pause,
            pace=self.pace,
        )
        self.engines.append(engine)
        return engine

    def target(self, credential: str) -> Target | None:
        if credential != self.credential:
            return None
        return Target(credential, "shop", self.kind, driver=SimulatedProvider(self), drain_s=5, hold_s=10)

    async def prove(self, credential: str, secret: Secret) -> Verdict:
        return await self.effect("prove", lambda: self._verdict(secret))

    async def effect(self, what: str, do: Callable[[], T]) -> T:
        """Let the machine do something to the world, or die over it."""
        self._begin(what)
        result = do()
        self._end(what)
        return result

    async def pause(self, pause_s: float) -> None:
        """Time goes by, second by second."""
        self._begin("pause")
        until_s = self.now_s + pause_s
        while self.now_s < until_s:
            self.now_s = min(self.now_s + 1.0, until_s)
            await self._second()
        self._end("pause")

    async def run(self, rotation_id: str) -> Rotation:
        """Drive it to its end, by a new process whenever one is killed."""
        engine = self.engine()
        while True:
            try:
                return await engine.drive(rotation_id, lambda _: None)
            except Killed:
                engine = self.engine()

    def accepts(self, secret: Secret) -> bool:
        """Whether the provider does."""
        return any(
            key.secret == secret and key.is_active and self.now_s >= key.made_s + self.limits.learns_s
            for key in self.provider.values()
        )

    def works(self) -> None:
        """The law."""
        for process in self.processes:
            assert self.accepts(process.secret), f"{process.name} calls with a dead key after {self.done[-5:]}"

    async def _second(self) -> None:
        for at_s in sorted(self.at):
            if self.now_s >= START_S + at_s:
                await self.at.pop(at_s)()
        for process in self.processes:
            if process.due_s is not None and self.now_s >= process.due_s and not process.is_cut_off:
                process.due_s, process.secret = None, self.stored
                await self.states.say(self.credential, process.name, process.secret.fingerprint, int(self.now_s))
        if self.now_s >= self._beaten_s + 100:
            self._beaten_s = self.now_s
            for process in self.processes:
                await self.states.live(process.name, int(self.now_s))
        for secret in (*self.strangers, *(process.secret for process in self.processes)):
            for key in self.provider.values():
                if key.secret == secret and key.is_active:
                    key.used_s = int(self.now_s)
        self.works()

    def _begin(self, what: str) -> None:
        if self.is_dead:
            raise Killed
        self.effects += 1
        if 2 * self.effects in self.faults.dies_at:
            self._die()
        if self.faults.refused.get(what, 0) > 0:
            self.faults.refused[what] -= 1
            raise RotationError(f"{what} is refused")
        self._perhaps_fail(what)

    def _end(self, what: str) -> None:
        self.done.append(what)
        if what == "ask_all":
            for process in self.processes:
                if process.due_s is None:
                    process.due_s = self.now_s + process.slow_s
        self.works()
        if 2 * self.effects + 1 in self.faults.dies_at:
            self._die()
        self._perhaps_fail(what)

    def _perhaps_fail(self, what: str) -> None:
        if what in FALLIBLE and self.faults.random.random() < self.faults.odds:
            if what in {"current", "write", "previous", "forget"}:
                raise SecretError(f"{what}: no answer")
            raise RotationError(f"{what}: no answer", passing=True)

    def _die(self) -> None:
        self.is_dead = True
        raise Killed

    def _verdict(self, secret: Secret) -> Verdict:
        if not self.limits.proves:
            return Verdict("unknown", "nothing free proves it")
        return Verdict("live", "accepted") if self.accepts(secret) else Verdict("dead", "refused")

    def make(self, name: str) -> ProviderKey:
        """A new key at the provider."""
        number = next(self._made)
        key = ProviderKey(f"k{number}", Secret(f"new-{self.number}-{number}"), name, self.now_s)
        self.provider[key.id] = key
        return key


DRIVERS: Final = frozenset({"obstacle", "create", "made", "disable", "enable", "delete", "last_used_s"})
FALLIBLE: Final = DRIVERS | {"current", "write", "previous", "forget"}


class SimulatedProvider:
    """Its administration, as a driver."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.kind = world.kind
        self.creates = world.limits.creates
        self.disables = world.limits.disables
        self.deletes = world.limits.deletes

    async def find(self, secret: Secret) -> KeyMark:
        def find() -> KeyMark:
            found = [key for key in self._world.provider.values() if key.secret == secret]
            return KeyMark(found[0].id, secret.fingerprint, found[0].name) if found else KeyMark()

        return await self._world.effect("find", find)

    async def obstacle(self, old: KeyMark) -> str:
        def obstacle() -> str:
            return "all slots are taken" if self._is_full() else ""

        return await self._world.effect("obstacle", obstacle)

    async def create(self, name: str, old: KeyMark) -> Created:
        def create() -> Created:
            if not self.creates:
                raise RotationError("make one on the page of the shop")
            if self._is_full():
                raise RotationError("all slots are taken")
            key = self._world.make(name)
            return Created(KeyMark(key.id, key.secret.fingerprint, name), key.secret, None)

        return await self._world.effect("create", create)

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        world = self._world

        def made() -> tuple[KeyMark, ...]:
            return tuple(
                KeyMark(key.id, "", key.name)
                for key in world.provider.values()
                if (key.name == name if world.limits.has_names else key.id != old.id)
                and world.now_s >= key.made_s + world.limits.lists_s
            )

        return await world.effect("made", made)

    async def disable(self, mark: KeyMark) -> None:
        await self._world.effect("disable", lambda: self._turn(mark, is_active=False))

    async def enable(self, mark: KeyMark) -> None:
        await self._world.effect("enable", lambda: self._turn(mark, is_active=True))

    async def delete(self, mark: KeyMark) -> None:
        await self._world.effect("delete", lambda: self._world.provider.pop(mark.id, None))

    async def last_used_s(self, mark: KeyMark) -> int | None:
        def used() -> int | None:
            key = self._world.provider.get(mark.id)
            return key.used_s if key is not None and self._world.limits.tells_use else None

        return await self._world.effect("last_used_s", used)

    def _is_full(self) -> bool:
        return len(self._world.provider) >= self._world.limits.slots

    def _turn(self, mark: KeyMark, *, is_active: bool) -> None:
        key = self._world.provider.get(mark.id)
        if key is not None:
            key.is_active = is_active


class StoredKeys:
    """The store that owns the credential's key. It keeps what was there before the last write."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._versions = itertools.count(1)

    async def current(self, credential: str) -> Secret:
        return await self._world.effect("current", lambda: self._world.stored)

    async def write(self, credential: str, secret: Secret) -> str:
        def write() -> str:
            self._world.previous, self._world.stored = self._world.stored, secret
            return f"v{next(self._versions)}"

        return await self._world.effect("write", write)

    async def previous(self, credential: str) -> Secret:
        def previous() -> Secret:
            if self._world.previous is None:
                raise SecretAbsentError("there was nothing before")
            return self._world.previous

        return await self._world.effect("previous", previous)

    async def forget(self, credential: str) -> None:
        def forget() -> None:
            self._world.previous = None

        await self._world.effect("forget", forget)


class _Watched:
    """A repository whose every question is one of the numbered things."""

    def __init__(self, world: World, repository: object) -> None:
        self._world = world
        self._repository = repository

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._repository, name)

        async def ask(*arguments: Any) -> Any:
            self._world._begin(name)
            result = await method(*arguments)
            self._world._end(name)
            return result

        return ask
