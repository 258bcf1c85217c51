"""A stream of the API to canonical events: AWS's frames, and in them the events that `event_reader` understands.

InvokeModel streams of Nova's carry the same events in frames of their own.
"""

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import Ended, Event, Failed
from keywright.dialects.aws_error import exception_failure
from keywright.dialects.aws_eventstream import EventStreamDecoder, Message
from keywright.dialects.bedrock_converse.event_reader import EventReader
from keywright.dialects.bedrock_converse.wire import parsed
from keywright.dialects.fields import WrongFieldError


class StreamReader:
    """Bytes of one answer to events."""

    def __init__(self) -> None:
        self._frames = EventStreamDecoder()
        self._events = EventReader()
        self._over = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            UpstreamMalformedError: the bytes are no stream of this API, or a message is too large.
        """
        events: list[Event] = []
        for message in self._frames.feed(chunk):
            if self._over:
                break
            failure = exception_failure(message)
            if failure is not None:
                self._over = True
                events.append(Failed(failure))
            else:
                events += self._read(message)
        return events

    def end(self) -> list[Event]:
        """The events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: no reason for stopping has come, or a message is cut off.
        """
        if self._over:
            return []
        self._frames.end()
        if not self._events.finished:
            raise UpstreamBrokeError("the stream ended before the message did", answered=self._events.started)
        self._over = True
        return [*self._events.closed(), Ended()]

    def _read(self, message: Message) -> list[Event]:
        reader = self._events
        try:
            events = reader.read(message.word(":event-type"), parsed(message.payload) if message.payload else {})
        except WrongFieldError as error:
            raise UpstreamMalformedError(f"an event is wrong: {error}") from None
        except (ValueError, RecursionError) as error:
            raise UpstreamMalformedError(f"an event cannot be read: {error}") from None
        if reader.finished and reader.metered:
            self._over = True
            events += [*reader.closed(), Ended()]
        return events
