"""What a refusal of the server means, by its status and by the few words that tell two meanings of one apart."""

from typing import Final

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError
from keywright.vault.backends.vault.exchange import Asked, Reply
from keywright.vault.hidden import Hidden

WORDS_CHARACTERS_MAX: Final = 256
REDIRECTS: Final = range(300, 400)

_MEANINGS: Final = {
    405: "this path does not know what was asked of it",
    412: "it has not yet what another of its nodes has written; ask again in a moment",
    413: "what was sent is larger than it takes",
    429: "it throttles us: a rate limit is used up",
    472: "it is a disaster recovery secondary, which answers nothing until it is promoted",
    473: "it is a standby that answers no requests: name the active node, or what stands before them",
    500: "it has an internal error",
    501: "it is not initialised",
    502: "what it asked in its turn did not answer",
    503: "it is down for now",
    504: "what stands before it had no answer in time",
}


def refusal(asked: Asked, host: str, reply: Reply) -> SecretError:
    """The failure that `reply` is; its own words are not repeated."""
    about = f"{asked.about}: {host}"
    said = " ".join(reply.errors or ()).lower()
    if reply.status in (401, 403):
        return SecretDeniedError(
            f"{about} denies permission: a policy forbids it, there is no such mount, or our token is not valid"
        )
    if reply.status == 404:
        return SecretAbsentError(f"{about} has nothing there")
    if reply.status in REDIRECTS or "active cluster node not found" in said or "standby" in said:
        return SecretError(f"{about} refuses: {_MEANINGS[473]}")
    if reply.status == 503 and "sealed" in said:
        return SecretError(f"{about} is sealed: it has to be unsealed by its operators")
    if "upgrading" in said:
        return SecretError(f"{about} is making this engine a versioned one: ask again in a moment")
    meaning = _MEANINGS.get(reply.status, "it does not take what was asked")
    return SecretError(f"{about} answered {reply.status}: {meaning}")


def words(reply: Reply, hidden: Hidden) -> str:
    """Why, as the server said it, in one line in brackets without what is `hidden`; "" when it said nothing. Only for
    what was refused to be done with what we sent: an answer that could hold a stored secret is never repeated.
    """
    said = hidden.redact("; ".join(reply.errors or ()).encode("utf-8", "replace")).decode("utf-8", "replace")
    line = "".join(character if character.isprintable() else " " for character in said)
    return f" ({line[:WORDS_CHARACTERS_MAX]})" if line else ""
