"""Frames of AWS's event streams, written by the format's description and by nothing of ours."""

import struct
import zlib


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message, with both of its checksums. All headers are strings."""
    block = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    total = 4 + 4 + 4 + len(block) + len(payload) + 4
    lengths = struct.pack(">II", total, len(block))
    unsealed = lengths + struct.pack(">I", zlib.crc32(lengths)) + block + payload
    return unsealed + struct.pack(">I", zlib.crc32(unsealed))


def event(kind: str, payload: bytes) -> bytes:
    """An event."""
    return frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    """An exception that ends the stream."""
    return frame({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, payload)
