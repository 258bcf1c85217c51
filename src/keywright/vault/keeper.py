"""What is known of secrets: read once, kept in memory, read again in the background.

A call never waits for a store of secrets. What it needs is in memory from the start on, and is read anew by a task
(`refresh`) when its time has come: after the store's `ttl_s`, or 80 % of a lease, or when the store wants to see us.
While a store cannot be read (down, slow, sealed, throttled, or it denies us) the last good value counts, at most for
`keep_s`; it is an alarm from the first failure on, told once when it begins and once when it is over. After a failure
the store is asked again in 1 s, 2 s, 4 s and so on up to half a minute: it recovers without a restart.

A secret that was removed from its store is kept as well: who wants a key out of use disables its credential, or ends
the key at its provider, who then refuses it, and a refusal makes it be read at once (`look`).

Every question runs in a thread, since stores' clients block. Each store has threads of its own, and `refresh` does not
wait for one that takes its time: a store that is slow holds up no other. One question per reference runs at a time,
however many want its answer.

Rejected: a time to live that drops a value (then a store that is down takes the gateway with it); reading when a call
needs it (then a store that is slow makes calls slow); telling other processes what was read (each has its own access).
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError
from keywright.core.redaction import Redactor
from keywright.core.secret import Secret
from keywright.vault.backend import Value, accept, accept_document
from keywright.vault.lane import Lane
from keywright.vault.reference import Reference, ReferenceKind, parse
from keywright.vault.settings import StoreSettings
from keywright.vault.vault import Vault

THREADS_MAX: Final = 8
"""Of each store."""

PATIENCE_S: Final = 1.0
"""How long `refresh` waits for answers; later ones count when they come."""

GRACE_S: Final = 1.0
"""What a store's client may take beyond its own time-out."""

RETRY_S: Final = 1.0
RETRY_S_MAX: Final = 30.0
LEASE_PART: Final = 0.8
TTL_S: Final[Mapping[ReferenceKind, float]] = {
    "env": math.inf,
    "dotenv": 5.0,
    "file": 5.0,
    "keyring": 300.0,
    "sealed": 30.0,
    "aws-sm": 300.0,
    "gcp-sm": 300.0,
    "azure-kv": 300.0,
    "vault": 300.0,
}

Cause: TypeAlias = Literal["absent", "denied", "failed"]
"""Why a secret cannot be read: it is not there; we may not; or its store is in trouble, or holds what is none."""

_log = logging.getLogger("keywright.vault")


class Kept(Struct):
    """What is known of one reference. Times are seconds of the clock's ticks; `read_s` of the last good reading."""

    reference: Reference
    is_document: bool = False
    value: Value | None = None
    read_s: float = -math.inf
    due_s: float = -math.inf
    failure: SecretError | None = None
    failing_s: float = 0.0
    failures: int = 0


class Trouble(Struct, frozen=True):
    """A secret that cannot be read now, of `store`. `since_s`: for so many seconds; `left_s`: for so many its last good
    value still counts, 0 where there is none.
    """

    store: str
    reference: str
    cause: Cause
    why: str
    since_s: float
    left_s: float


class Keeper:
    """Keeps the secrets of `vault`. `settings`: of its stores, by their names. `redactor` learns each of them.

    `reads`: how many questions were asked, by their store and what came of them: `ok` or the cause of the failure.
    """

    def __init__(
        self, vault: Vault, settings: Mapping[str, StoreSettings], clock: Clock, redactor: Redactor | None = None
    ) -> None:
        self.vault = vault
        self._redactor = redactor
        self._settings = settings
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._running: dict[str, asyncio.Task[bool]] = {}
        self._lanes: dict[str, Lane] = {}
        self.reads: Counter[tuple[str, ...]] = Counter()

    async def learn(self, texts: Iterable[str], documents: Iterable[str] = ()) -> None:
        """Read those references that are not known yet. What fails is told when its value is asked for.

        Raises:
            SecretError: one is no reference.
        """
        wanted = {**dict.fromkeys(texts, False), **dict.fromkeys(documents, True)}
        for text, is_document in wanted.items():
            self._kept.setdefault(text, Kept(parse(text, self.vault.stores), is_document))
        unread = [text for text in wanted if self._kept[text].value is None]
        await asyncio.gather(*(self.look(text) for text in unread))

    def value(self, text: str) -> Value:
        """What counts now at the reference `text`, which was learnt.

        Raises:
            SecretError: why there is none, with the reference.
        """
        kept = self._kept.get(text)
        if kept is None:
            raise SecretError(f"{parse(text, self.vault.stores)} is not known yet")
        if kept.value is not None and self._left_s(kept) > 0:
            return kept.value
        raise kept.failure or SecretError(f"{kept.reference} has not been read yet")

    def secret(self, text: str) -> Secret:
        """The secret of `value`, with its errors."""
        return self.value(text).secret

    def known(self, text: str) -> Secret | None:
        """The secret that counts now at the reference `text`, None without one."""
        try:
            return self.value(text).secret
        except SecretError:
            return None

    async def look(self, text: str) -> bool:
        """Read it now, however fresh it is. Whether another secret counts than before. Never raises."""
        kept = self._kept.get(text)
        return kept is not None and await asyncio.shield(self._looking(text, kept))

    async def refresh(self) -> bool:
        """Read what is due, all at once. Whether any secret is known to be another than before."""
        now_s = self._now_s()
        due = [(text, kept) for text, kept in self._kept.items() if kept.due_s <= now_s and text not in self._running]
        if not due:
            return False
        done, _ = await asyncio.wait([self._looking(text, kept) for text, kept in due], timeout=PATIENCE_S)
        return any(task.result() for task in done)

    def use(self, vault: Vault, settings: Mapping[str, StoreSettings]) -> None:
        """Ask the stores of `vault` from now on. What is known counts until they have answered."""
        self.vault, self._settings = vault, settings
        for kept in self._kept.values():
            kept.due_s = -math.inf

    def forget_but(self, texts: Iterable[str]) -> None:
        """Keep no others."""
        wanted = set(texts)
        self._kept = {text: kept for text, kept in self._kept.items() if text in wanted}

    def troubles(self) -> tuple[Trouble, ...]:
        """What cannot be read now."""
        now_s = self._now_s()
        return tuple(
            Trouble(
                kept.reference.at,
                str(kept.reference),
                cause_of(kept.failure),
                str(kept.failure),
                now_s - kept.failing_s,
                self._left_s(kept),
            )
            for kept in self._kept.values()
            if kept.failure is not None
        )

    async def close(self) -> None:
        """Ask no store any more, and let go of them."""
        for task in tuple(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await asyncio.to_thread(self.vault.close)

    def _looking(self, text: str, kept: Kept) -> "asyncio.Task[bool]":
        task = self._running.get(text)
        if task is None:
            vault = self.vault
            task = asyncio.create_task(self._look(kept), name=f"look at {kept.reference}")
            self._running[text] = task

            def looked(_: object) -> None:
                self._running.pop(text, None)
                if self.vault is not vault:  # others are to be asked: this answer was perhaps not theirs
                    kept.due_s = -math.inf

            task.add_done_callback(looked)
        return task

    async def _look(self, kept: Kept) -> bool:
        settings = self._settings_of(kept.reference)
        lane = self._lanes.setdefault(kept.reference.at, Lane(f"secrets of {kept.reference.at}", THREADS_MAX))
        try:
            async with asyncio.timeout(settings.timeout_s + GRACE_S):
                value = await lane.run(lambda: self._read(kept))
        except TimeoutError:
            self._failed(kept, SecretError(f"{kept.reference}: no answer within {settings.timeout_s:g} s"))
            return False
        except SecretError as error:
            self._failed(kept, error)
            return False
        except Exception as error:  # noqa: BLE001  # a fault of a store's client is trouble with that store, no more
            self._failed(kept, SecretError(f"{kept.reference}: its store's client failed with {type(error).__name__}"))
            return False
        return self._found(kept, value, settings)

    def _read(self, kept: Kept) -> Value:
        value = self.vault.backend(kept.reference).read(kept.reference)
        (accept_document if kept.is_document else accept)(kept.reference, value.secret)
        if self._redactor is not None:
            self._redactor.know(value.secret)
        return value

    def _found(self, kept: Kept, value: Value, settings: StoreSettings) -> bool:
        now_s = self._now_s()
        if kept.failure is not None and kept.value is not None:
            _log.info("%s can be read again", kept.reference)
        before, kept.value = kept.value, value
        ttl_s = TTL_S[kept.reference.kind] if settings.ttl_s is None else settings.ttl_s
        lease_s = math.inf if value.lease_s is None else value.lease_s * LEASE_PART
        again_s = math.inf if value.again_s is None else value.again_s
        kept.read_s, kept.due_s = now_s, now_s + min(ttl_s, lease_s, again_s)
        kept.failure, kept.failures = None, 0
        self.reads[kept.reference.at, "ok"] += 1
        return before is not None and before.secret != value.secret

    def _failed(self, kept: Kept, error: SecretError) -> None:
        now_s = self._now_s()
        self.reads[kept.reference.at, cause_of(error)] += 1
        is_first, kept.failure = kept.failure is None, error
        if is_first:
            kept.failing_s = now_s
            if kept.value is not None:
                _log.error(
                    "a secret cannot be read; its last good value counts for another %.0f s: %s",
                    self._left_s(kept),
                    error,
                )
        kept.due_s = now_s + min(RETRY_S * 2 ** min(kept.failures, 10), RETRY_S_MAX)
        kept.failures += 1

    def _left_s(self, kept: Kept) -> float:
        """For how many more seconds the last good value counts; without end while there is no trouble."""
        if kept.value is None:
            return 0.0
        if kept.failure is None:
            return math.inf
        return max(0.0, kept.read_s + self._settings_of(kept.reference).keep_s - self._now_s())

    def _settings_of(self, reference: Reference) -> StoreSettings:
        return self._settings.get(reference.at, USUAL)

    def _now_s(self) -> float:
        return self._clock.ticks_us() / SECOND_US


def cause_of(error: SecretError) -> Cause:
    """What kind of failure it is."""
    if isinstance(error, SecretAbsentError):
        return "absent"
    return "denied" if isinstance(error, SecretDeniedError) else "failed"


USUAL: Final = StoreSettings()
