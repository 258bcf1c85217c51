"""A stand-in for OpenAI's endpoints that are not chat: it judges each request by the published API, and keeps files."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.passage.mill import Guest
from tests.passage.official import Spec, fields_of

SPEECH = bytes(range(256)) * 400
TOKENS = {
    "type": "tokens",
    "input_tokens": 14,
    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
    "output_tokens": 7,
    "total_tokens": 21,
}
PICTURE_TOKENS = {
    "input_tokens": 50,
    "output_tokens": 1000,
    "total_tokens": 1050,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 1000},
}
CATEGORIES = (
    *("hate", "hate/threatening", "harassment", "harassment/threatening", "illicit", "illicit/violent", "self-harm"),
    *("self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic"),
)


class Cloud:
    """The script of a mill. `complaints`: what requests and answers were not as published."""

    def __init__(self, spec: Spec, key: str) -> None:
        self.complaints: list[str] = []
        self.files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.parts: list[bytes] = []
        self._spec = spec
        self._key = key

    async def __call__(self, guest: Guest) -> None:
        await guest.pieces()
        seen = guest.seen
        complaint = self._spec.complaint(seen)
        if complaint is None and seen.header("authorization") != f"Bearer {self._key}":
            complaint = "it is not called with its own key"
        if complaint is not None:
            self.complaints.append(complaint)
            await self._say(guest, {"error": {"message": complaint, "type": "x", "code": None, "param": None}}, 400)
            return
        path = seen.target.partition("?")[0].removeprefix("/v1")
        await self._serve(guest, path)

    async def _serve(self, guest: Guest, path: str) -> None:
        first, _, rest = path[1:].partition("/")
        serve: dict[str, Callable[[Guest, str], Awaitable[None]]] = {
            "audio": self._audio,
            "images": self._images,
            "moderations": self._moderations,
            "files": self._files,
            "batches": self._batches,
            "uploads": self._uploads,
        }
        await serve[first](guest, rest)

    async def _audio(self, guest: Guest, what: str) -> None:
        if what == "speech":
            await guest.send(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n")
            for at in range(0, len(SPEECH), 10_000):
                piece = SPEECH[at : at + 10_000]
                await guest.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            await guest.send(b"0\r\n\r\n")
            return
        fields = dict(fields_of(guest.seen))
        if fields.get("stream") == b"true":
            events = [
                {"type": "transcript.text.delta", "delta": "You "},
                {"type": "transcript.text.done", "text": "You said", "usage": TOKENS},
            ]
            body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
            await guest.answer(200, body, "content-type: text/event-stream")
            return
        text = f"{fields['model'].decode()} heard {len(fields['file'])} bytes"
        await self._say(guest, {"text": text} if what == "translations" else {"text": text, "usage": TOKENS})

    async def _images(self, guest: Guest, _: str) -> None:
        picture = "QUJD" * 50_000
        await self._say(guest, {"created": 1, "data": [{"b64_json": picture}], "usage": PICTURE_TOKENS})

    async def _moderations(self, guest: Guest, _: str) -> None:
        result = {
            "flagged": False,
            "categories": dict.fromkeys(CATEGORIES, False),
            "category_scores": dict.fromkeys(CATEGORIES, 0.1),
            "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
        }
        await self._say(guest, {"id": "modr-1", "model": "omni-moderation-latest", "results": [result]})

    async def _files(self, guest: Guest, rest: str) -> None:
        name, _, word = rest.partition("/")
        if not name and guest.seen.method == "POST":
            fields = dict(fields_of(guest.seen))
            name = f"file-{len(self.files) + 1}"
            about = {
                "id": name,
                "object": "file",
                "bytes": len(fields["file"]),
                "created_at": 1,
                "status": "processed",
                "filename": "a.jsonl",
                "purpose": fields["purpose"].decode(),
            }
            self.files[name] = (about, fields["file"])
        if not name:
            listed = [about for about, _ in self.files.values()]
            ends = {"first_id": "file-1", "last_id": "file-1", "has_more": False}
            await self._say(guest, {"object": "list", "data": listed, **ends})
        elif name not in self.files:
            await guest.answer(404, b'{"error":{"message":"No such File object"}}', "content-type: application/json")
        elif word:
            await guest.answer(200, self.files[name][1], "content-type: application/octet-stream")
        elif guest.seen.method == "DELETE":
            del self.files[name]
            await self._say(guest, {"id": name, "object": "file", "deleted": True})
        else:
            await self._say(guest, self.files[name][0])

    async def _uploads(self, guest: Guest, rest: str) -> None:
        name, _, word = rest.partition("/")
        if word == "parts":
            self.parts.append(dict(fields_of(guest.seen))["data"])
            part = {"id": f"part_{len(self.parts)}", "object": "upload.part", "created_at": 1, "upload_id": name}
            await self._say(guest, part)
            return
        status = {"": "pending", "complete": "completed", "cancel": "cancelled"}[word]
        about = {"id": name or "upload_1", "object": "upload", "status": status, "expires_at": 2, "created_at": 1}
        await self._say(guest, {**about, "filename": "a.jsonl", "bytes": 9, "purpose": "batch"})

    async def _batches(self, guest: Guest, rest: str) -> None:
        name, _, word = rest.partition("/")
        if not name and guest.seen.method == "POST":
            asked = json.loads(guest.seen.body)
            name = f"batch_{len(self.batches) + 1}"
            self.batches[name] = {**asked, "id": name, "object": "batch", "status": "validating", "created_at": 1}
        if not name:
            await self._say(guest, {"object": "list", "data": [*self.batches.values()], "has_more": False})
            return
        if word == "cancel":
            self.batches[name]["status"] = "cancelling"
        await self._say(guest, self.batches[name])

    async def _say(self, guest: Guest, body: dict[str, Any], status: int = 200) -> None:
        schema = self._spec.answer_schema(guest.seen.method, guest.seen.target.partition("?")[0])
        if status == 200 and schema is not None:
            wrong = self._spec.mismatch(body, schema)
            if wrong:
                self.complaints.append(f"the stand-in's own answer: {wrong}")
        await guest.answer(status, json.dumps(body).encode(), "content-type: application/json")
