"""The refusal of a client's body, in the one form that it has in every dialect."""

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure


def refused(code: str, message: str, param: str | None = None) -> RefusedError:
    """400 with `code` (`invalid_json` or `invalid_request`). `param`: the field that is wrong."""
    return RefusedError(Failure(kind="invalid_request", status=400, code=code, message=message, param=param))
