"""How a provider's key is replaced: create → verify → switch → drain → disable → delete.

Each step is durable before the next begins. While it drains, or while the old key is only disabled, a rotation can be
rolled back.
"""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Step: TypeAlias = Literal["create", "verify", "switch", "drain", "disable", "delete"]
Outcome: TypeAlias = Literal["", "done", "rolled_back", "failed"]
RotationState: TypeAlias = Literal["running", "waiting", "done", "rolled_back", "failed"]
DriverKind: TypeAlias = Literal["api", "two-slot", "federated", "assisted"]

STEPS: Final[tuple[Step, ...]] = ("create", "verify", "switch", "drain", "disable", "delete")


class KeyMark(Struct, frozen=True):
    """A key at its provider, without its secret. `id`: the provider's own name of it ("Key1", `key_abc`), "" where it
    has none or is not known. `fingerprint`: ours, "" where the secret was never seen here. `name`: what people call it.
    """

    id: str = ""
    fingerprint: str = ""
    name: str = ""


class Past(Struct, frozen=True):
    """Something that happened in a rotation, at Unix microseconds: for people."""

    at_us: int
    step: Step
    what: str


class Rotation(Struct, frozen=True):
    """One replacement of `credential`'s key. Times are Unix seconds.

    `step` is what is being done, or was last when `outcome` is not "". `due_s`: not to be tried before. `failures` in a
    row of this step, the last one's reason in `trouble`. `waits_for_key`: the operator has to paste it. `by` who asked
    for it (a key's id, "schedule"), `reason` why.

    `tried_s`: when it last began to create a key, 0 if never: since then one may exist that is not written down here.
    `expires_s`: when the new key runs out, 0 if it does not. `written_s`: when its store was last written to, 0 if it
    was not. `disabled_s`: since when the old key is turned off, 0 if it is not. `back`: "" while it goes forwards;
    else it goes back, the old key stays, and this is how it ends; `back_why` why it goes back.
    `insisted`: a person has decided that the old key ends though somebody unknown still uses it.
    """

    id: str
    credential: str
    provider: str
    driver: DriverKind
    step: Step
    began_s: int
    step_s: int
    by: str = ""
    reason: str = ""
    old: KeyMark = KeyMark()
    new: KeyMark = KeyMark()
    due_s: int = 0
    failures: int = 0
    trouble: str = ""
    waits_for_key: bool = False
    tried_s: int = 0
    expires_s: int = 0
    written_s: int = 0
    disabled_s: int = 0
    back: Outcome = ""
    back_why: str = ""
    insisted: bool = False
    outcome: Outcome = ""
    ended_s: int = 0
    past: tuple[Past, ...] = ()

    @property
    def state(self) -> RotationState:
        """How it stands. `waiting`: for a key that a person has to paste."""
        return self.outcome or ("waiting" if self.waits_for_key else "running")


class CredentialUser(Struct, frozen=True):
    """A process that said, at `at_s`, with which key it calls for a credential. `beat_s`: its last sign of life."""

    holder: str
    fingerprint: str
    at_s: int
    beat_s: int


class CredentialFacts(Struct, frozen=True):
    """What is known of a credential from one start to the next, without its secret. Times are Unix seconds, 0 never.

    `fingerprint` of its key, known since `since_s`. `verified_s`: when its provider last accepted it; `verdict`: what
    the last look proved (`live`, `dead`, `unknown`), at `looked_s`. `kind`: what its provider says of it (user-bound,
    service account, trial …). `expires_s`: when it runs out. `disabled`: by an administrator, `disabled_by`; no call
    uses it then. `reminded_s`: when its age was last told of.
    """

    name: str
    fingerprint: str = ""
    since_s: int = 0
    verified_s: int = 0
    looked_s: int = 0
    verdict: str = ""
    kind: str = ""
    key_id: str = ""
    expires_s: int = 0
    disabled: bool = False
    reminded_s: int = 0
    disabled_by: str = ""
