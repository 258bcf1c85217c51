"""Many keys at once, straight into a store: `keywright key create` a hundred thousand times would take a day."""

import random
import time
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy

from keywright.identity.key import KeyRequest, make_key
from keywright.identity.keystring import issue
from keywright.store.schema import KEYS

SEED: Final = 20_260_102


def seed_keys(database: Path, count: int) -> tuple[str, ...]:
    """Add `count` keys to the store in `database`, which has its tables already; their strings."""
    if not count:
        return ()
    unpredictable_enough = random.Random(SEED).randbytes
    now_s = int(time.time())
    issued = [issue("service", unpredictable_enough) for _ in range(count)]
    rows = [
        {
            "id": key.id,
            "sha256": key.sha256,
            "created_s": key.created_s,
            "changed": 1,
            "document": msgspec.json.encode(key, enc_hook=str).decode(),
        }
        for key in (make_key(one, KeyRequest(name=f"bench {one.id}"), now_s) for one in issued)
    ]
    engine = sqlalchemy.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.insert(KEYS), rows)
    engine.dispose()
    return tuple(one.secret.reveal() for one in issued)
