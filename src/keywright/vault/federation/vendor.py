"""What tells one provider's exchange of a proof for a token from another's, as data."""

from typing import Final, Literal

from msgspec import Struct

from keywright.core.http import Header

TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name of RFC 8693
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a name of RFC 8693


class Vendor(Struct, frozen=True):
    """A token endpoint. `url`: the vendor's own; one below an operator's base URL is at `path`, in place of `api_path`,
    with which base URLs end. `fixed`: the fields that every exchange has; `proof_field` has the proof, and `type_field`
    which kind of token that is, where the vendor tells them apart; `needs` and
    `takes`: the settings that are fields, which must and which may be there. `headers` are the exchange's own.
    `call_lists`: what headers that are lists, and in which clients may have words of their own, must hold in the calls
    that its token is used for.
    """

    title: str
    url: str
    api_path: str
    path: str
    encoding: Literal["json", "form"]
    fixed: tuple[tuple[str, str], ...]
    proof_field: str
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    headers: tuple[Header, ...] = ()
    call_lists: tuple[Header, ...] = ()
    type_field: str = ""
