"""What becomes of a rotation when something happened: decisions alone, nothing is asked or written here.

`now_s` is always the time now in Unix seconds.
"""

import math
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from keywright.core.clock import SECOND_US
from keywright.core.rotation import CredentialUser, KeyMark, Outcome, Past, Rotation, Step

PAST_MAX: Final = 100
"""Of what happened, the beginning is kept, and the newest."""
TROUBLE_CHARACTERS_MAX: Final = 500
NAMES_MAX: Final = 3
"""Of processes that one message names."""

PUT_BACK: Final = "somebody has put it back into its store"

Judgement: TypeAlias = Literal["accepted", "wait", "refused"]


class Pace(Struct, frozen=True):
    """How long things are waited for.

    `claim_s`: for how long a process that died keeps others from going on. `effect_s`: how long one question to the
    world may take; less than that. `tries_max`: how often a step may be refused before the rotation turns back.
    `retry_s_max`: the longest pause before it is tried again. `patience_s`: for how long a provider may not know a key
    that it has made. `lives_min`: how often in a row it has to accept it. `unknowns_max`: after so many proofs that
    prove nothing, a key is taken on trust. `settle_s`: after so long, a provider's list and a store's content are what
    was last done to them. `silent_s`: for how long a process without a sign of life is waited for. `own_s`: for how
    long after all had switched our own long calls may still show as uses of the old key. `stranger_s`: for how long
    nobody else may have used it before it ends. `look_s`: how often a disabled key's users are looked for.
    """

    claim_s: int = 60
    effect_s: float = 45.0
    tries_max: int = 5
    retry_s_max: int = 300
    patience_s: int = 180
    lives_min: int = 2
    unknowns_max: int = 4
    settle_s: int = 60
    silent_s: int = 600
    own_s: int = 900
    stranger_s: int = 86_400
    look_s: int = 15


USUAL: Final = Pace()


class Proofs(Struct, frozen=True):
    """What proofs of one key have shown so far. `lives` in a row."""

    looks: int = 0
    lives: int = 0
    unknowns: int = 0
    has_died: bool = False


def wanted(rotation: Rotation) -> KeyMark:
    """The key that is to be in use at the end."""
    return rotation.old if rotation.back else rotation.new


def unwanted(rotation: Rotation) -> KeyMark:
    """The key that is to end."""
    return rotation.new if rotation.back else rotation.old


def noted(rotation: Rotation, now_s: int, what: str) -> Rotation:
    """With `what` written down, for people."""
    past = (*rotation.past, Past(now_s * SECOND_US, rotation.step, what))
    if len(past) > PAST_MAX:
        past = past[: PAST_MAX // 2] + past[-PAST_MAX // 2 :]
    return replace(rotation, past=past)


def moved(rotation: Rotation, now_s: int, step: Step, what: str) -> Rotation:
    """At another step, because of `what`."""
    entered = replace(noted(rotation, now_s, what), step=step, step_s=now_s, waits_for_key=False)
    return calm(entered, now_s)


def calm(rotation: Rotation, now_s: int) -> Rotation:
    """To go on at once, with nothing wrong."""
    return replace(rotation, due_s=now_s, failures=0, trouble="")


def waiting(rotation: Rotation, now_s: int, until_s: float, why: str = "") -> Rotation:
    """Not to be looked at before `until_s`. `why`, where something is amiss; it is written down when it is new."""
    why = why[:TROUBLE_CHARACTERS_MAX]
    known = rotation if not why or why == rotation.trouble else noted(rotation, now_s, why)
    return replace(known, due_s=math.ceil(until_s), trouble=why, failures=0)


def tried(rotation: Rotation, now_s: int) -> Rotation:
    """About to create a key."""
    return replace(noted(rotation, now_s, "a key is being made"), tried_s=now_s)


def created(rotation: Rotation, now_s: int, new: KeyMark, expires_s: int | None) -> Rotation:
    """There is a key."""
    made = replace(rotation, new=new, expires_s=expires_s or 0)
    return moved(made, now_s, "verify", f"there is a new key: {shown(new)}")


def awaiting_key(rotation: Rotation, now_s: int, why: str) -> Rotation:
    """A person has to paste the new key."""
    again = replace(rotation, new=KeyMark(), expires_s=0)
    return replace(moved(again, now_s, "create", why), waits_for_key=True, trouble=why[:TROUBLE_CHARACTERS_MAX])


def again(rotation: Rotation, now_s: int) -> Rotation:
    """The new key has been ended, since its secret was lost with the process that had it: another is to be made."""
    lost = replace(rotation, new=KeyMark(), expires_s=0, tried_s=now_s)
    return moved(lost, now_s, "create", f"{shown(rotation.new)} was ended: its secret was lost before it was stored")


def added(proofs: Proofs, life: Literal["live", "dead", "unknown"]) -> Proofs:
    """`proofs`, and one more."""
    match life:
        case "live":
            return replace(proofs, looks=proofs.looks + 1, lives=proofs.lives + 1)
        case "unknown":
            return replace(proofs, looks=proofs.looks + 1, unknowns=proofs.unknowns + 1)
        case "dead":
            return replace(proofs, looks=proofs.looks + 1, lives=0, has_died=True)


def judged(proofs: Proofs, since_s: int, now_s: int, pace: Pace) -> Judgement:
    """Whether the key of which this is proven may be used. `since_s`: since when it is looked at.

    What nothing free proves is taken on trust, unless it was refused even once; then it has to be accepted.
    """
    if proofs.lives >= pace.lives_min:
        return "accepted"
    if proofs.unknowns >= pace.unknowns_max and not proofs.has_died:
        return "accepted"
    return "refused" if now_s >= since_s + pace.patience_s else "wait"


def pause_s(proofs: Proofs) -> int:
    """Until the next proof: 1 s, 2 s, 4 s … 15 s."""
    return int(min(2 ** max(proofs.looks - 1, 0), 15))


def behind(users: Iterable[CredentialUser], rotation: Rotation, now_s: int, pace: Pace) -> tuple[str, ...]:
    """The processes that do not use the wanted key yet. With `insisted`, only those that use the unwanted one."""
    key, old = wanted(rotation).fingerprint, unwanted(rotation).fingerprint
    alive = [user for user in users if user.beat_s >= now_s - pace.silent_s]
    if rotation.insisted:
        return tuple([user.holder for user in alive if user.fingerprint == old])
    return tuple([user.holder for user in alive if user.fingerprint != key])


def using(users: Iterable[CredentialUser], rotation: Rotation, now_s: int, pace: Pace) -> tuple[str, ...]:
    """The processes that use the key that is to end."""
    old = unwanted(rotation).fingerprint
    return tuple([user.holder for user in users if user.fingerprint == old and user.beat_s >= now_s - pace.silent_s])


def look_again_s(rotation: Rotation, now_s: int) -> int:
    """When to look again for what may take long: after a quarter of the time that this step has taken, 1 s to 60 s."""
    return now_s + int(min(max((now_s - rotation.step_s) / 4, 1), 60))


def quiet_from_s(rotation: Rotation, used_s: int | None, drain_s: float, pace: Pace) -> tuple[float, str]:
    """From when on the unwanted key may end, as its provider says that it was last used at `used_s`, and what people
    should know. `step_s` is when our last process had switched.
    """
    if used_s is None or rotation.insisted or used_s <= rotation.step_s:
        return rotation.step_s + drain_s, ""
    if used_s <= rotation.step_s + pace.own_s:
        return used_s + drain_s, ""
    why = (
        f"somebody else still uses {shown(unwanted(rotation))}: it was used {used_s - rotation.step_s} s after all "
        "processes here had switched. Find out who, and give them the new key; or insist, and it ends all the same"
    )
    return used_s + pace.stranger_s, why


def failed(rotation: Rotation, now_s: int, why: str, *, passing: bool, pace: Pace) -> Rotation:
    """The step was refused, or could not be done now (`passing`). After some refusals, another way is taken."""
    why = why[:TROUBLE_CHARACTERS_MAX]
    known = rotation if why == rotation.trouble else noted(rotation, now_s, why)
    if rotation.step == "create" and rotation.tried_s:
        known = replace(known, tried_s=now_s)
    if passing:
        pause = min(max((now_s - rotation.step_s) // 2, 1), pace.retry_s_max)
        return replace(known, trouble=why, due_s=now_s + pause)
    failures = rotation.failures + 1
    if failures >= pace.tries_max:
        return _gave_up(known, now_s, why)
    pause = min(2**failures, pace.retry_s_max)
    return replace(known, trouble=why, failures=failures, due_s=now_s + pause)


def _gave_up(rotation: Rotation, now_s: int, why: str) -> Rotation:
    match rotation.step:
        case "create" | "verify":
            return turned_back(rotation, now_s, "failed", why)
        case "switch":
            return forwards(rotation, now_s, why) if rotation.back else turned_back(rotation, now_s, "failed", why)
        case "drain":
            return moved(rotation, now_s, "disable", f"when the old key was last used is not known: {why}")
        case "disable":
            return moved(rotation, now_s, "delete", f"the old key is deleted without being disabled before: {why}")
        case "delete":
            left = f"{shown(unwanted(rotation))} could not be ended, which is to be done by hand: {why}"
            return ended(rotation, now_s, rotation.back or "failed", left)


def turned_back(rotation: Rotation, now_s: int, outcome: Outcome, why: str) -> Rotation:
    """From now on the old key stays, and the new one ends. What was never stored is used by nobody."""
    step: Step = "delete" if rotation.step in {"create", "verify"} else "switch"
    back = moved(rotation, now_s, step, f"the old key stays: {why}")
    return replace(back, back=outcome, back_why=why[:TROUBLE_CHARACTERS_MAX])


def forwards(rotation: Rotation, now_s: int, why: str) -> Rotation:
    """The old key cannot be used again, so the new one stays after all."""
    on = moved(rotation, now_s, "switch", f"the new key stays: {why}")
    return replace(on, back="", back_why="")


def ended(rotation: Rotation, now_s: int, outcome: Outcome, trouble: str = "") -> Rotation:
    """Over. `trouble`: what is left to be done by a person, or why it failed."""
    over = noted(rotation, now_s, trouble or outcome.replace("_", " "))
    trouble = trouble[:TROUBLE_CHARACTERS_MAX]
    return replace(over, outcome=outcome, ended_s=now_s, due_s=0, failures=0, trouble=trouble, waits_for_key=False)


def overtaken(rotation: Rotation, now_s: int, current: str) -> Rotation:
    """Somebody has stored a third key meanwhile, `current` by its fingerprint. Which of the two others still counts for
    whom is not known here.
    """
    left = ", ".join(shown(mark) for mark in (rotation.old, rotation.new) if mark.id or mark.fingerprint)
    why = f"somebody has stored another key meanwhile ({current}); end by hand what is not used of {left}"
    return ended(rotation, now_s, "failed", why)


def some(names: tuple[str, ...]) -> str:
    """The first of the processes, and how many more there are, as people are told of them."""
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    what = "the process" if len(names) == 1 else "the processes"
    return f"{what} {', '.join(names[:NAMES_MAX])}{more}"


def shown(mark: KeyMark) -> str:
    """A key, as people are told of it."""
    named = f"{mark.name} ({mark.id})" if mark.name and mark.id else mark.name or mark.id
    return f"the key {named or mark.fingerprint}"
