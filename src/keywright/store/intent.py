"""What a transaction is going to do, said when it begins."""

from typing import Final, Literal, TypeAlias, cast, get_args

from sqlalchemy import Connection, Engine

Intent: TypeAlias = Literal["read", "write", "write_beside"]
"""`read`: everything at one moment, writing nothing. `write`: alone among those that say `write`, in any process.

`write_beside`: beside other writers, where the database can do that.
"""

INTENTS: Final[tuple[Intent, ...]] = get_args(Intent)

_OPTION: Final = "keywright_intent"


def intending(engine: Engine, intent: Intent) -> Engine:
    """`engine`, whose transactions do what `intent` says. Without, they read."""
    return engine.execution_options(**{_OPTION: intent})


def intent_of(connection: Connection) -> Intent:
    """What the transaction that begins on `connection` is going to do."""
    return cast("Intent", connection.get_execution_options().get(_OPTION, "read"))
