"""The journey of one call that passes through, on one screen."""

from keywright.core.clock import SECOND_US
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.identity.keystring import digest
from keywright.pipeline.admit import require_place
from keywright.pipeline.authenticate import authenticate
from keywright.pipeline.passage.address import holds, keys_in, without_key
from keywright.pipeline.passage.admission import admit_passing
from keywright.pipeline.passage.forward import deliver
from keywright.pipeline.passage.freight import Freight, load
from keywright.pipeline.passage.places import Known, client_of, known_endpoint, targets_of
from keywright.pipeline.passage.relay import relay, tell
from keywright.pipeline.passage.way import PassageReply, Passing
from keywright.pipeline.reserve import Account
from keywright.pipeline.route import route
from keywright.pipeline.serve import Desk
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.types import Intent
from keywright.pipeline.worth import costs_nothing


async def carry(passing: Passing, reply: PassageReply, desk: Desk) -> None:
    """Answer the call, whatever it is. Raises only what is a fault of ours, and cancellation when the client left.

    Nothing of its body is read before its key, its endpoint, its address and its path are judged.
    """
    call, way = passing.call, passing.way
    snapshot = desk.snapshot()
    routes = snapshot.routes
    account = Account(call, snapshot, desk.books)
    try:
        with account:
            principal = account.principal = authenticate(call.key, call.started_us // SECOND_US, snapshot)
            routes = snapshot.routes.of(principal.key.project)
            require_place(principal.grant, call.endpoint, call.address)
            require_way(passing, snapshot)
            known = known_endpoint(passing, routes) if way.endpoint == "native" else None
            freight = await _load(passing, known, account, desk)
            account.intent = Intent(call.endpoint, freight.peek)
            targets = targets_of(passing, freight.peek, routes)
            admitted = account.admitted = admit_passing(passing, principal, freight, targets)
            plan = route(admitted, snapshot, call.ticks_us, desk.line.random)
            is_free = costs_nothing(call.endpoint, passing.method, freight.peek.model, way.tail)
            plan = await account.reserve(plan, is_free=is_free)
            arrival = await deliver(plan, passing, freight, account.attempts, desk.line)
            account.passed(arrival.target, arrival.status)
            is_whole = await relay(arrival, passing, reply, account)
    except RefusedError as refused:
        await tell(refused, passing, reply, account, client_of(passing, routes))
    else:
        await (reply.finish() if is_whole else reply.broke())


async def _load(passing: Passing, known: Known | None, account: Account, desk: Desk) -> Freight:
    """The freight; the client's time is not ours."""
    began_us = desk.clock.ticks_us()
    try:
        return await load(passing, known)
    finally:
        account.attempts.waited_us += desk.clock.ticks_us() - began_us


def require_way(passing: Passing, snapshot: Snapshot) -> None:
    """Return when the path and the query may go upstream.

    Raises:
        RefusedError: 400 `invalid_path`, says why.
    """
    fault, key = passing.way.fault, passing.call.key
    rest = without_key(passing.query, key)
    is_another = any(digest(other) in snapshot.foreign for other in keys_in(rest))
    if not fault and (is_another or holds(passing.way.tail + b"?" + rest, key)):
        fault = "a key stands in a header, or as `key=` in the query; nowhere else, for it would go to the provider"
    if fault:
        failure = Failure(kind="invalid_request", status=400, code="invalid_path", message=fault)
        raise RefusedError(failure, rule="passage:path")
