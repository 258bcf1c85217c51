"""How many tokens, when no candidate can say? Plan → Whole, without asking anybody: estimated, and marked so."""

from typing import Final

from keywright.core.counting import CountResponse
from keywright.core.dialect import Tapped
from keywright.core.http import HttpRequest
from keywright.core.usage import NO_USAGE
from keywright.dialects.counting.estimate import estimate
from keywright.pipeline.routes import Lane
from keywright.pipeline.translate import Translator
from keywright.pipeline.types import Outbound, Plan, Whole

ESTIMATED: Final = (b"x-keywright-estimated", b"1")
NOBODY: Final = HttpRequest(b"", b"", ())


def estimated(plan: Plan, translator: Translator) -> Whole:
    """What the first candidate's provider would count, about.

    Raises:
        RefusedError: 400, the body is not a request of the client's dialect.
    """
    target, call = plan.targets[0], translator.call
    request = translator.request()
    chat = target.lane("chat", call.dialect)
    tokens = estimate(request.request, chat.dialect.NAME if chat is not None else "")
    lane = Lane(translator.client, False, b"", b"", (), frozenset(), frozenset())  # noqa: FBT003 - nothing is asked there
    outbound = Outbound(
        target=target,
        lane=lane,
        client=translator.client,
        peek=plan.admitted.intent.peek,
        said=call.said,
        call_id=call.id,
        http=NOBODY,
        request=request,
        losses=(),
        asked_s=0,
    )
    encoded = translator.client.encode_response(CountResponse(tokens, estimated=True), request)
    return Whole(outbound, (ESTIMATED,), encoded.body, Tapped(usage=NO_USAGE, complete=True), encoded.losses)
