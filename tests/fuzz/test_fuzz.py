"""Every request decoder, stream reader, answer decoder and tap, fed with nonsense for a while.

`make fuzz` runs each for 60 seconds from a new seed; in `make test` each has a moment, from the same seed every time.
What once broke something lies in `corpus/NAME/` and is fed first, for ever. A failure prints what to put there.
"""

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from keywright.core.dialect import BODY_SAYS, Dialect, PathSaid, Wire
from keywright.core.errors import RefusedError, UpstreamError
from keywright.core.failure import Failure
from keywright.dialects import DIALECTS, WIRES
from tests.conformance.matrix.run import ABLE_TO_ALL
from tests.fuzz.seeds import answers_of, requests_of, streams_of
from tests.fuzz.spoil import spoil

SECONDS = float(os.environ.get("KEYWRIGHT_FUZZ_S", "0.25"))
SEED = int(os.environ.get("KEYWRIGHT_FUZZ_SEED", str(time.time_ns()) if SECONDS > 1 else "0"))
CORPUS = Path(__file__).parent / "corpus"
EXPECTED = (RefusedError, UpstreamError)
SAID = PathSaid("m", stream=True)
WHOLE = [name for name in WIRES if name not in DIALECTS]
JSON_SEEDS = [b'{"model":"m","input":["a"],"texts":["a"],"inputs":["a"],"documents":["a"],"query":"q"}', b'{"data":[]}']

Feed = Callable[[bytes, Random], None]


def fuzz(name: str, sound: list[bytes], feed: Feed) -> None:
    """Feed what is in the corpus, and then nonsense until the time is up."""
    random = Random(f"{SEED}/{name}")
    for file in sorted((CORPUS / name).glob("*")):
        _fed(name, file.read_bytes(), feed, random)
    until, count = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        _fed(name, spoil(sound, random), feed, random)
        count += 1
    assert count > 0


def _fed(name: str, body: bytes, feed: Feed, random: Random) -> None:
    try:
        feed(body, random)
    except EXPECTED:
        pass
    except BaseException as error:
        where = CORPUS / name
        raise AssertionError(
            f"seed {SEED}: {type(error).__name__}: {error}; put this into {where}: {base64.b64encode(body).decode()}"
        ) from error


def pieces(body: bytes, random: Random) -> list[bytes]:
    """`body`, cut anywhere."""
    cuts = sorted(random.randrange(len(body) + 1) for _ in range(random.randrange(4)))
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_a_request_is_decoded_or_refused(dialect: Dialect) -> None:
    def feed(body: bytes, _: Random) -> None:
        request = dialect.decode_request(body, SAID)
        dialect.encode_request(request, "m", ABLE_TO_ALL)
        dialect.locate("turns[0].parts[0]", request)

    fuzz(f"{dialect.NAME}.request", requests_of(dialect), feed)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_a_body_that_passes_is_peeked_and_patched_or_refused(dialect: Dialect) -> None:
    def feed(body: bytes, _: Random) -> None:
        dialect.patch(body, dialect.peek(body, SAID), "other")

    fuzz(f"{dialect.NAME}.peek", requests_of(dialect), feed)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_a_stream_is_read_or_malformed(dialect: Dialect) -> None:
    from tests.conformance.matrix.features import FEATURES

    asked = FEATURES[1].request

    def feed(body: bytes, random: Random) -> None:
        reader, writer = dialect.StreamReader(), DIALECTS["openai_chat"].StreamWriter(asked)
        for piece in pieces(body, random):
            for event in reader.feed(piece):
                writer.write(event)
        reader.end()

    fuzz(f"{dialect.NAME}.stream", streams_of(dialect), feed)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_a_tap_gives_back_what_it_takes_and_never_raises(dialect: Dialect) -> None:
    peeked = dialect.peek(requests_of(dialect)[0], SAID)

    def feed(body: bytes, random: Random) -> None:
        tap = dialect.Tap(peeked)
        for piece in pieces(body, random):
            tap.feed(piece)
        tap.result()

    fuzz(f"{dialect.NAME}.tap", streams_of(dialect), feed)


@pytest.mark.parametrize("wire", WIRES.values(), ids=list(WIRES))
def test_an_answer_is_decoded_or_malformed_and_an_error_always_read(wire: Wire[Any, Any]) -> None:
    sound = answers_of(DIALECTS[wire.NAME]) if wire.NAME in DIALECTS else JSON_SEEDS

    def feed(body: bytes, random: Random) -> None:
        wire.tap_response(body)
        failure = wire.decode_error(random.choice((400, 401, 404, 429, 500, 529)), body)
        assert isinstance(failure, Failure)
        wire.encode_error(failure, "req_1")
        wire.decode_response(body)

    fuzz(f"{wire.NAME}.answer", sound, feed)


@pytest.mark.parametrize("name", WHOLE)
def test_a_request_for_a_whole_answer_is_decoded_or_refused(name: str) -> None:
    wire = WIRES[name]

    def feed(body: bytes, _: Random) -> None:
        request = wire.decode_request(body, PathSaid("m"))
        wire.encode_request(request, "m", ABLE_TO_ALL)
        wire.patch(body, wire.peek(body, PathSaid("m")), "other")

    fuzz(f"{name}.request", JSON_SEEDS, feed)
    with pytest.raises(RefusedError):
        wire.decode_request(b"[", BODY_SAYS)
