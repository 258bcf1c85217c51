"""LiteLLM's SDK as a process of its own environment: each line in is a call, each line out what became of it.

In: `{"function": "completion", "arguments": {…}}`. Out: `{"answer": …}`, the answer's own fields (a stream is put
together by the SDK; `chunks` tells of how many), or `{"error": {"class": …, "status": …, "message": …}}`.
"""

import gc
import json
import sys
from typing import Any


def main() -> None:
    """Answer until the input ends. What libraries print goes to the standard error."""
    import litellm  # type: ignore[import-not-found, unused-ignore]  # only in the other environment

    out, sys.stdout = sys.stdout, sys.stderr
    litellm.suppress_debug_info = True
    # A stream that LiteLLM forgot, if collected while a connection is taken, waits for ever for the pool's lock, which
    # its own thread has. So such are collected between calls only; what is left then is not looked at again.
    gc.disable()
    for line in sys.stdin:
        asked = json.loads(line)
        out.write(json.dumps(_outcome(litellm, asked["function"], asked["arguments"])) + "\n")
        out.flush()
        gc.collect()
        gc.freeze()


def _outcome(litellm: Any, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = getattr(litellm, function)(**arguments)
        if not arguments.get("stream"):
            return {"answer": answer.model_dump(mode="json")}
        chunks = list(answer)
        built = litellm.stream_chunk_builder(chunks, messages=arguments["messages"])
        return {"answer": {**built.model_dump(mode="json"), "chunks": len(chunks)}}
    except Exception as error:
        status = getattr(error, "status_code", 0)
        return {"error": {"class": type(error).__name__, "status": status, "message": str(error)}}


if __name__ == "__main__":
    main()
