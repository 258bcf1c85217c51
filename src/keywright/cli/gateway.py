"""A running gateway, asked as any client asks it: OpenAI's dialect over HTTP, through our own pool."""

import os
from collections.abc import Callable, Mapping
from typing import Final, Literal, assert_never

import msgspec
from msgspec import Struct

from keywright.cli.errors import CommandError
from keywright.cli.place import URL_VARIABLE
from keywright.config import parse_address
from keywright.core.errors import ConfigError, ConnectFailedError
from keywright.core.event import (
    ArgumentsDelta,
    Aside,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsDelta,
    Metered,
    Opened,
    SignatureDelta,
    Started,
    TextDelta,
)
from keywright.core.failure import Failure
from keywright.core.http import Deadlines, HttpRequest, Reach
from keywright.core.message import Part, Refusal, Text
from keywright.core.secret import Secret
from keywright.core.usage import Usage
from keywright.dialects import openai_chat
from keywright.guard.address import is_public
from keywright.transport.answer import Answer
from keywright.transport.pool import Pool

USUAL_URL: Final = "http://127.0.0.1:4100"
KEY_VARIABLES: Final = ("KEYWRIGHT_API_KEY", "KEYWRIGHT_ADMIN_KEY")
CONNECT_S: Final = 5.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
ERROR_BYTES_MAX: Final = 1024 * 1024

MODELS_PATH: Final = "/v1/models"
CHAT_PATH: Final = "/v1/chat/completions"


class Gateway(Struct, frozen=True):
    """Where a gateway answers, and the key for it."""

    url: str
    reach: Reach
    base_path: str
    key: Secret


class Message(Struct, frozen=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Question(Struct, frozen=True, omit_defaults=True):
    """A request as it goes over the wire."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    stream: bool = False
    stream_options: dict[str, bool] | None = None


class Reply(Struct, frozen=True):
    """An answer. `model` is what served; `cost_usd` is None where the gateway does not say."""

    request_id: str
    model: str
    text: str
    finish: str | None = None
    usage: Usage | None = None
    cost_usd: str | None = None


class _Error(Struct):
    message: str = ""
    code: str | None = None


class _ErrorBody(Struct):
    error: _Error


class _Model(Struct):
    id: str


class _Models(Struct):
    data: list[_Model]


def gateway_at(url: str, key: Secret) -> Gateway:
    """The gateway at `url`.

    Raises:
        ConfigError: `url` is not an address.
    """
    try:
        address = parse_address(url)
    except ValueError as error:
        raise ConfigError(f"{URL_VARIABLE}: {error}") from None
    reach = Reach(origin=address.origin, private=True, deadlines=Deadlines(connect_s=CONNECT_S))
    return Gateway(url, reach, address.path, key)


def gateway_of(environment: Mapping[str, str]) -> Gateway:
    """The gateway that the environment names, or the usual one of this machine.

    Raises:
        ConfigError: there is no key, or the address is not one.
    """
    key = next((value for name in KEY_VARIABLES if (value := environment.get(name, "").strip())), None)
    if key is None:
        raise ConfigError(f"there is no key for the gateway: set {KEY_VARIABLES[0]}")
    return gateway_at(environment.get(URL_VARIABLE) or USUAL_URL, Secret(key))


class Client:
    """Asks one gateway, within one event loop. Close it when done."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._pool = Pool(environment=os.environ, allowed=is_public)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def models(self) -> tuple[str, ...]:
        """The names of the models that the key may use.

        Raises:
            CommandError: the gateway is not there or refuses.
            UpstreamError: the connection fails.
        """
        answer = await self._send(b"GET", MODELS_PATH, b"")
        body = await _whole(answer)
        try:
            return tuple(model.id for model in msgspec.json.decode(body, type=_Models).data)
        except msgspec.DecodeError:
            raise CommandError(f"{self._gateway.url} does not answer like a gateway") from None

    async def ask(self, question: Question) -> Reply:
        """The whole answer at once. Raises as `models`."""
        answer = await self._send(b"POST", CHAT_PATH, msgspec.json.encode(question))
        response = openai_chat.decode_response(await _whole(answer))
        choice = response.choices[0] if response.choices else None
        told = _Told(answer)
        return Reply(
            request_id=told.request_id,
            model=told.model or response.model,
            text="".join(part.text for part in choice.parts if isinstance(part, Text | Refusal)) if choice else "",
            finish=choice.finish.reason if choice and choice.finish else None,
            usage=response.usage,
            cost_usd=told.cost_usd,
        )

    async def stream(self, question: Question, say: Callable[[str], None]) -> Reply:
        """The answer, each piece of its text handed to `say` as it comes. Raises as `models`."""
        question = msgspec.structs.replace(question, stream=True, stream_options={"include_usage": True})
        answer = await self._send(b"POST", CHAT_PATH, msgspec.json.encode(question))
        reader, listener = openai_chat.StreamReader(), _Listener(say)
        try:
            while piece := await answer.chunk():
                listener.hear(reader.feed(piece))
            listener.hear(reader.end())
        finally:
            answer.abort()
        told = _Told(answer)
        return Reply(
            request_id=told.request_id,
            model=told.model or listener.model,
            text="".join(listener.said),
            finish=listener.finish,
            usage=listener.usage,
            cost_usd=told.cost_usd,
        )

    async def _send(self, method: bytes, path: str, body: bytes) -> Answer:
        gateway = self._gateway
        headers = (
            (b"authorization", b"Bearer " + gateway.key.reveal().encode()),
            (b"content-type", b"application/json"),
        )
        try:
            answer = await self._pool.send(
                gateway.reach, HttpRequest(method, (gateway.base_path + path).encode(), headers, body)
            )
        except ConnectFailedError as error:
            raise CommandError(
                f"no gateway answers at {gateway.url} ({error}): start one with `keywright up`, or set {URL_VARIABLE}"
            ) from None
        except ValueError:
            raise ConfigError("the key for the gateway has characters that no key has") from None
        if answer.status != 200:
            raise _refusal(answer.status, await answer.read(ERROR_BYTES_MAX))
        return answer


class _Told:
    """What the gateway says about an answer beside it."""

    def __init__(self, answer: Answer) -> None:
        headers = {name: value.decode("latin-1") for name, value in answer.headers}
        self.request_id = headers.get(b"x-keywright-request-id", "")
        self.model = headers.get(b"x-keywright-model", "")
        self.cost_usd = headers.get(b"x-keywright-cost-usd")


class _Listener:
    """Hears a stream: passes its text on, and remembers the rest."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.said: list[str] = []
        self.model = ""
        self.finish: str | None = None
        self.usage: Usage | None = None
        self._say = say
        self._shown: dict[int, bool] = {}

    def hear(self, events: list[Event]) -> None:
        """Take the next events. Raises CommandError when one is a failure."""
        for event in events:
            match event:
                case Started():
                    self.model = event.model
                case Opened():
                    self._open(event.part, event.head)
                case TextDelta():
                    if self._shown.get(event.part, False):
                        self._text(event.text)
                case Finished():
                    self.finish = event.finish.reason
                case Metered():
                    self.usage = event.usage
                case Failed():
                    raise _broken(event.failure)
                case ArgumentsDelta() | SignatureDelta() | CitationDelta() | LogprobsDelta() | Closed() | Aside():
                    pass
                case Ended():
                    pass
                case _:
                    assert_never(event)

    def _open(self, part: int, head: Part) -> None:
        self._shown[part] = isinstance(head, Text | Refusal)
        if isinstance(head, Text | Refusal) and head.text:
            self._text(head.text)

    def _text(self, text: str) -> None:
        self.said.append(text)
        self._say(text)


async def _whole(answer: Answer) -> bytes:
    try:
        return await answer.read(ANSWER_BYTES_MAX)
    finally:
        answer.abort()


def _refusal(status: int, body: bytes) -> CommandError:
    try:
        error = msgspec.json.decode(body, type=_ErrorBody).error
    except msgspec.DecodeError:
        return CommandError(f"the gateway answered {status}, and not in the way a gateway does")
    return CommandError(f"the gateway refused: {status} {error.code or ''}: {error.message}".replace(" :", ":"))


def _broken(failure: Failure) -> CommandError:
    return CommandError(f"the answer broke off: {failure.code}: {failure.message}")
