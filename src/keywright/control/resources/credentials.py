"""What providers are called with, and how their keys are replaced. A key goes in, and no answer has one in it."""

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from keywright.core.rotation import DriverKind, KeyMark, RotationState, Step
from keywright.core.secret import Secret

REASON_CHARACTERS_MAX: Final = 256

CredentialState: TypeAlias = Literal["in_use", "disabled", "unreadable"]
DueReason: TypeAlias = Literal["every", "expiry"]


class InventoryRow(Struct, frozen=True, kw_only=True):
    """A provider's credential. What is null has never been, or is not known.

    `lives_at`: the references of its key, or how it does without. `fingerprint`: of the key that is in use; `version`:
    its store's own name of it. `kind`: user-bound, service account, trial …; `federated` has no key of its own: its
    fingerprint is that of the way to its tokens, and `expires` is of the token that the process which answers has now.
    `age_days`: since the key is known here. `verdict`: what its provider said last: `live`, `dead`, `unknown`; "" when
    it was not asked. `used_by`: the projects whose calls used it this month. `project`: the only one that may use it,
    "" for all. `due`: that its schedule, or its end, wants it to be replaced now. `rotation`: the id of the one that
    goes on. `disabled_by`: by whom, "" where it is not, or by the configuration.
    """

    name: str
    provider: str
    lives_at: tuple[str, ...]
    fingerprint: str
    version: str
    kind: str
    age_days: int | None
    last_use: str | None
    last_verified: str | None
    verdict: str
    expires: str | None
    used_by: tuple[str, ...]
    calls_this_month: int
    cost_this_month_usd: str
    project: str
    models: tuple[str, ...]
    weight: int | None
    state: CredentialState
    disabled_by: str
    due: DueReason | None
    rotation: str | None


class ReplacementBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credential whose key is to be replaced, and why: one line for people."""

    credential: str
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)] = ""


class NewKeyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that a person has made at a provider: one word of visible ASCII."""

    key: Secret


class ReplacementSummary(Struct, frozen=True, kw_only=True):
    """How a credential's key is replaced, in a list. `by` and `reason`: who asked for it, and why.

    `step`: what is being done, or was last; since `step_since`; `due`: not to be tried before. `failures` in a row, the
    last one's reason in `trouble`. `expires`: when the new key runs out. `back_why`: why the old key stays, "" when it
    does not. `insisted`: the old key ends though somebody unknown still uses it.
    """

    id: str
    credential: str
    provider: str
    driver: DriverKind
    state: RotationState
    step: Step
    by: str
    reason: str
    began: str
    step_since: str
    due: str | None
    ended: str | None
    failures: int
    trouble: str
    old: KeyMark
    new: KeyMark
    expires: str | None
    back_why: str
    insisted: bool


class PastRow(Struct, frozen=True):
    """Something that happened, at a time, in a step."""

    at: str
    step: Step
    what: str


class ReplacementRow(ReplacementSummary, frozen=True, kw_only=True):
    """How a credential's key is replaced, with all that has happened."""

    past: tuple[PastRow, ...]
