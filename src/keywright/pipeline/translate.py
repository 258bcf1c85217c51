"""In whose words? Plan, Target → Outbound. The only maker of `Outbound`.

The verbatim lane copies the client's body with the model's name patched in place. The other lane decodes the body
in the client's dialect, once per call however many candidates are tried, and renders it in the provider's.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from keywright.core.clock import SECOND_US
from keywright.core.dialect import Wire
from keywright.core.errors import NotTranslatableError
from keywright.core.fold import merged
from keywright.core.http import Header, HttpRequest
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.dialects import BESIDE_BODY
from keywright.pipeline.routes import Lane, Target
from keywright.pipeline.types import Call, Outbound, Plan

POST: Final = b"POST"


class Translator:
    """Renders one call for one target after another."""

    __slots__ = ("_peek", "_request", "call", "client")

    def __init__(self, call: Call, plan: Plan, client: Wire[Any, Any]) -> None:
        self.call = call
        self._peek = plan.admitted.intent.peek
        self.client = client
        self._request: Any = None

    def outbound(self, target: Target) -> Outbound:
        """The request for `target`.

        Raises:
            NotTranslatableError: the target cannot be told something that changes the meaning, or, in strict mode,
                anything at all; names each field.
            RefusedError: 400, the body is not a request of the client's dialect.
        """
        lane = target.lane(self.call.endpoint, self.call.dialect)
        if lane is None:
            raise NotTranslatableError(
                (Loss("model", f"{target.name} takes no {self.call.endpoint} calls", "meaning"),)
            )
        if lane.verbatim:
            try:
                body = lane.dialect.patch(self.call.body, self._peek, target.model)
            except NotTranslatableError:  # of the right dialect, but not in the form that this very model wants
                lane = msgspec.structs.replace(lane, verbatim=False)
            else:
                return self._outbound(target, lane, body, None, ())
        return self._outbound(target, lane, *self._rendered(target, lane))

    def request(self) -> Any:
        """What the client's dialect makes of the body: decoded once, whoever asks.

        Raises:
            RefusedError: 400, the body is not a request of the client's dialect.
        """
        if self._request is None:
            request = self.client.decode_request(self.call.body, self.call.said)
            self._request = _with_headers(request, self.client.NAME, self.call.headers)
        return self._request

    def _outbound(self, target: Target, lane: Lane, body: bytes, request: Any, losses: tuple[Loss, ...]) -> Outbound:
        path = lane.stream_path if self._peek.stream else lane.path
        return Outbound(
            target=target,
            lane=lane,
            client=self.client,
            peek=self._peek,
            said=self.call.said,
            call_id=self.call.id,
            http=HttpRequest(POST, path, _headers(lane, self.call.headers), body),
            request=request,
            losses=losses,
            asked_s=self.call.started_us // SECOND_US,
        )

    def _rendered(self, target: Target, lane: Lane) -> tuple[bytes, Any, tuple[Loss, ...]]:
        request = self.request()
        encoded = lane.dialect.encode_request(request, target.model, target.abilities)
        losses = self._located(encoded.losses, request) if encoded.losses else ()
        refused = losses if self.call.strict else tuple(x for x in losses if x.weight == "meaning")
        if refused:
            raise NotTranslatableError(refused)
        return encoded.body, request, losses

    def _located(self, losses: tuple[Loss, ...], request: Any) -> tuple[Loss, ...]:
        """The losses with their paths in the client's words."""
        return tuple(Loss(self.client.locate(loss.path, request), loss.why, loss.weight) for loss in losses)


def _with_headers(request: Any, dialect: str, headers: Sequence[Header]) -> Any:
    """The request with what its client said in headers, where a body can say it as well."""
    fields = BESIDE_BODY.get(dialect)
    if fields is None:
        return request
    told: JsonObject = {
        fields[name]: [word.strip() for word in value.decode("latin-1").split(",")]
        for name, value in headers
        if name in fields
    }
    return msgspec.structs.replace(request, extras=merged(request.extras, {dialect: told})) if told else request


def _headers(lane: Lane, given: Sequence[Header]) -> tuple[Header, ...]:
    """The lane's headers with those of the client's that this provider may see."""
    passed = [header for header in given if header[0] in lane.passed]
    if not passed:
        return lane.headers
    names = {name for name, _ in passed}
    return (*(header for header in lane.headers if header[0] not in names), *passed)
