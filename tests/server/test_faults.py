"""A fault of ours: the client hears of it in its own dialect, log and ledger keep it, the next call is served."""

import msgspec
import pytest

from keywright.pipeline.routes import Routes
from keywright.pipeline.snapshot import Snapshot
from tests.gateway import CHAT, EDGES, MESSAGES, Edge, Start, chat_body, message_body


@pytest.mark.parametrize("edge", EDGES)
def test_a_fault_within_a_call_is_500_and_recorded(start: Start, edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    gateway = start(edge=edge)
    sound = gateway.house.snapshot
    gateway.house._snapshot = msgspec.structs.replace(sound, routes=_spoiled(sound))
    chat, message = gateway.post(CHAT, chat_body()), gateway.post(MESSAGES, message_body())
    assert chat.status == message.status == 500
    assert chat.json["error"]["code"] == "internal"
    assert message.json["type"] == "error"
    assert "Traceback" not in chat.body.decode()
    for answer in (chat, message):
        name = answer.headers["x-keywright-request-id"]
        assert f"the call {name} failed within the gateway" in caplog.text, "the log and the answer name the same call"
    gateway.house._snapshot = sound
    assert gateway.chat().status == 200
    entries = gateway.entries()
    assert [(entry.outcome, entry.status) for entry in entries] == [("failed", 500), ("failed", 500), ("ok", 200)]
    assert gateway.house.ledger.reserved == 0


def _spoiled(sound: Snapshot) -> Routes:
    """Routes that were never finished: every look-up in them fails."""
    return Routes.__new__(type(sound.routes))
