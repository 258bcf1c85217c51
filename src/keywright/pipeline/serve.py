"""The journey of one call, on one screen."""

from collections.abc import Callable

from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import RefusedError
from keywright.dialects import WIRES
from keywright.pipeline.admit import admit, read_intent
from keywright.pipeline.authenticate import authenticate
from keywright.pipeline.pass_on import finish, pass_on
from keywright.pipeline.refuse import refuse
from keywright.pipeline.reserve import Account, Books
from keywright.pipeline.route import route
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.translate import Translator
from keywright.pipeline.types import Call, Reply
from keywright.pipeline.upstream import Line, deliver
from keywright.pipeline.worth import costs_nothing


class Desk(Struct, frozen=True, eq=False):
    """What the journey needs. `snapshot` gives the view that counts at this moment."""

    snapshot: Callable[[], Snapshot]
    books: Books
    line: Line
    clock: Clock


async def serve(call: Call, reply: Reply, desk: Desk) -> None:
    """Answer `call`, whatever it is. Raises only what is a fault of ours, and cancellation when the client left."""
    client = WIRES[call.dialect]
    snapshot = desk.snapshot()
    account = Account(call, snapshot, desk.books)
    try:
        with account:
            principal = account.principal = authenticate(call.key, call.started_us // SECOND_US, snapshot)
            intent = account.intent = read_intent(call, client)
            admitted = account.admitted = admit(call, principal, intent, snapshot)
            plan = route(admitted, snapshot, call.ticks_us, desk.line.random)
            plan = await account.reserve(plan, is_free=costs_nothing(call.endpoint))
            translator = Translator(call, plan, client)
            delivery = await deliver(plan, translator, account.attempts, desk.line)
            account.delivered(delivery.outbound)
            await pass_on(delivery, reply, account, call)
    except RefusedError as refused:
        await refuse(refused.failure, reply, account, call, client)
    else:
        await finish(delivery, reply, account, call)
