"""What is said to the server and what it answers."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

Method: TypeAlias = Literal["GET", "LIST", "POST"]
Json: TypeAlias = Mapping[str, object]


class Asked(Struct, frozen=True):
    """One question of ours, which may take several exchanges. `about`: the reference or key that messages name.
    `ends_s`: by when it is answered, in ticks.
    """

    about: str
    ends_s: float


class Grant(Struct, frozen=True):
    """The token that a login or a renewal gave."""

    client_token: str = ""
    lease_duration: float = 0.0
    renewable: bool = False

    def __repr__(self) -> str:
        return "<grant>"


class Reply(Struct, frozen=True):
    """What came back. A member that is not there is empty, as is one that is `null`."""

    status: int = 0
    data: dict[str, object] | None = None
    auth: Grant | None = None
    errors: tuple[str, ...] | None = None
    lease_id: str = ""
    lease_duration: float = 0.0
    renewable: bool = False

    def __repr__(self) -> str:
        return f"<reply {self.status}>"
