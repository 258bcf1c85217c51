"""What is asked of whoever shares out budgets and limits among processes, and what it answers."""

from msgspec import Struct


class Need(Struct, frozen=True, gc=False):
    """`amount` of an account of which there is `cap` in all: picodollars, requests, tokens or running calls."""

    account: str
    cap: int
    amount: int


class Want(Struct, frozen=True, gc=False):
    """What one call needs: all of it or nothing. Others are to give back what it lacks."""

    needs: tuple[Need, ...]


class Back(Struct, frozen=True, gc=False):
    """What a holder gives back of its lease of an account."""

    account: str
    amount: int


class Spare(Struct, frozen=True, gc=False):
    """How much more of an account a holder would like to have for calls to come."""

    account: str
    cap: int
    amount: int


class Short(Struct, frozen=True, gc=False):
    """Of this account there is too little: `left` is what nobody holds, `returned` what was ever given back of it.

    `recall`: the number of the last recall; None where nothing that others hold would help, so that this is final.
    """

    account: str
    left: int
    returned: int
    recall: int | None


class Answers(Struct, frozen=True):
    """`short`: for each want, in order, the first account that did not suffice, None where all did and is granted now.

    `spare`: what is granted beyond that, by account; `left`: what nobody holds after all this, by account; `tight`: the
    accounts of which nothing free may be kept.
    """

    short: tuple[Short | None, ...]
    spare: dict[str, int]
    left: dict[str, int]
    tight: frozenset[str]


class Standing(Struct, frozen=True, gc=False):
    """An account: what was settled in its period, and what is granted to holders."""

    settled: int = 0
    granted: int = 0
