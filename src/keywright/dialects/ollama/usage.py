"""Token counts: `prompt_eval_count` and `eval_count`, which has the thinking in it. A zero is left out on the wire."""

from keywright.core.json import Json, JsonObject
from keywright.core.usage import InconsistentUsageError, Usage, checked


def usage_of(prompt: Json, generated: Json) -> Usage | None:
    """The units; None when neither count was told or one makes no sense."""
    if prompt is None and generated is None:
        return None
    try:
        return checked(Usage(input=_count(prompt), output=_count(generated)))
    except InconsistentUsageError:
        return None


def counts_of(usage: Usage | None) -> JsonObject:
    """The fields that tell `usage`."""
    if usage is None:
        return {}
    return {"prompt_eval_count": usage.input_total, "eval_count": usage.output_total}


def _count(value: Json) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise InconsistentUsageError("a count is no whole number")
    return value
