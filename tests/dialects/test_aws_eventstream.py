"""AWS's event stream framing: what it carries, where it may be cut, and what it refuses."""

import struct
from binascii import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.dialects.aws_eventstream import (
    HEADERS_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    EventStreamDecoder,
    Message,
    event_block,
    exception_block,
    framed,
    header_block,
)

# From the description of the format by AWS (its SDKs' test vectors): no headers and no payload; a payload only; one
# header of type string.
EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
PAYLOAD_ONLY = bytes.fromhex("0000001d00000000fd528c5a") + b"{'foo':'bar'}" + bytes.fromhex("c3653936")


def by_hand(headers: bytes, payload: bytes) -> bytes:
    """A message put together with another checksum routine and no code of ours."""
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return body + struct.pack(">I", crc32(body))


def decoded(stream: bytes) -> list[Message]:
    decoder = EventStreamDecoder()
    messages = decoder.feed(stream)
    decoder.end()
    return messages


EVENT = framed(event_block("chunk"), b'{"bytes":"e30="}')
EXCEPTION = framed(exception_block("throttlingException"), b'{"message":"slow down"}')


def test_published_messages_are_read_and_written_byte_for_byte() -> None:
    assert decoded(EMPTY + PAYLOAD_ONLY) == [Message({}, b""), Message({}, b"{'foo':'bar'}")]
    assert framed(b"", b"") == EMPTY
    assert framed(b"", b"{'foo':'bar'}") == PAYLOAD_ONLY


def test_an_event_and_an_exception_say_what_they_are() -> None:
    event, exception = decoded(EVENT + EXCEPTION)
    assert (event.word(":message-type"), event.word(":event-type")) == ("event", "chunk")
    assert (exception.word(":message-type"), exception.word(":exception-type")) == ("exception", "throttlingException")
    assert exception.payload == b'{"message":"slow down"}'
    assert exception.word(":event-type") == ""


def test_every_type_of_header_is_read() -> None:
    headers = b"".join(
        (
            b"\x01t\x00",
            b"\x01f\x01",
            b"\x01b\x02\xff",
            b"\x01s\x03\x00\x07",
            b"\x01i\x04\xff\xff\xff\xfe",
            b"\x01l\x05" + struct.pack(">q", 2**40),
            b"\x01y\x06\x00\x03\x00\x01\x02",
            b"\x01w\x07\x00\x02hi",
            b"\x01m\x08" + struct.pack(">q", 1_700_000_000_000),
            b"\x01u\x09" + bytes(range(16)),
        )
    )
    (message,) = decoded(by_hand(headers, b"x"))
    assert message.headers == {
        "t": True,
        "f": False,
        "b": -1,
        "s": 7,
        "i": -2,
        "l": 2**40,
        "y": b"\x00\x01\x02",
        "w": "hi",
        "m": 1_700_000_000_000,
        "u": bytes(range(16)),
    }


def test_the_stream_may_be_cut_at_every_byte() -> None:
    stream = EVENT + EXCEPTION + EMPTY
    whole = decoded(stream)
    for cut in range(len(stream) + 1):
        decoder = EventStreamDecoder()
        assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == whole
        decoder.end()
    decoder = EventStreamDecoder()
    assert [message for at in range(len(stream)) for message in decoder.feed(stream[at : at + 1])] == whole


def test_an_end_within_a_message_is_a_break() -> None:
    for cut in range(1, len(EVENT)):
        decoder = EventStreamDecoder()
        assert decoder.feed(EVENT[:cut]) == []
        with pytest.raises(UpstreamBrokeError):
            decoder.end()


def test_a_bit_that_was_flipped_anywhere_is_noticed() -> None:
    for at in range(len(EVENT)):
        broken = bytearray(EVENT)
        broken[at] ^= 0x10
        with pytest.raises(UpstreamMalformedError):
            EventStreamDecoder().feed(bytes(broken))


@pytest.mark.parametrize(
    ("total", "headers"),
    [
        (15, 0),
        (16, 1),
        (16 + HEADERS_BYTES_MAX + 1, HEADERS_BYTES_MAX + 1),
        (16 + PAYLOAD_BYTES_MAX + 1, 0),
        (2**32 - 1, 0),
    ],
)
def test_a_length_that_cannot_be_is_refused_before_its_bytes_are_awaited(total: int, headers: int) -> None:
    lengths = struct.pack(">II", total, headers)
    with pytest.raises(UpstreamMalformedError, match="bytes"):
        EventStreamDecoder().feed(lengths + struct.pack(">I", crc32(lengths)))


@pytest.mark.parametrize(
    "headers",
    [
        b"\x05a",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x07\x00\x09ab",
        b"\x01a\x04\x00",
        b"\x01\xff\x00",
        b"\x01a\x07\x00\x01\xff",
    ],
)
def test_headers_that_cannot_be_read_are_refused(headers: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        EventStreamDecoder().feed(by_hand(headers, b""))


words = st.text(max_size=20)


@given(st.dictionaries(st.text("abc:-", min_size=1, max_size=9), words, max_size=4), st.binary(max_size=50))
@settings(deadline=None)
def test_what_is_written_is_read(headers: dict[str, str], payload: bytes) -> None:
    assert framed(header_block(headers), payload) == by_hand(header_block(headers), payload)
    assert decoded(framed(header_block(headers), payload)) == [Message(dict(headers), payload)]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_bytes_of_any_kind_give_messages_or_the_one_error(data: bytes) -> None:
    try:
        EventStreamDecoder().feed(data)
    except UpstreamMalformedError:
        pass


def test_the_sdk_of_aws_reads_the_same() -> None:
    eventstream = pytest.importorskip("botocore.eventstream", reason="the SDK of AWS is an extra")
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(EVENT + EXCEPTION + EMPTY + PAYLOAD_ONLY)
    theirs = [(message.headers, message.payload) for message in buffer]
    assert theirs == [
        (message.headers, message.payload) for message in decoded(EVENT + EXCEPTION + EMPTY + PAYLOAD_ONLY)
    ]
