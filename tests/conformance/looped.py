"""One test for many recordings: what pytest does around a test costs more than most of these do."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

Case = TypeVar("Case")
Test = Callable[..., None]


def over(names: str | Sequence[str], cases: Iterable[Case], *, ids: Callable[[Any], Any]) -> Callable[[Test], Test]:
    """As `pytest.mark.parametrize`, but in one test: every case is tried, and each failure is told with its name.

    `ids` gives the name of a case, or of what it consists of (None where that has none). Other parameters of the test
    are fixtures or are parametrized as ever; a fixture is made once for all cases.
    """
    fields = [names] if isinstance(names, str) else list(names)
    known = list(cases)
    assert known, "there are no cases"

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def looped(**fixtures: Any) -> None:
            failures: list[Exception] = []
            for case in known:
                values: Any = (case,) if len(fields) == 1 else case
                try:
                    test(**dict(zip(fields, values, strict=True)), **fixtures)
                except Exception as error:
                    error.add_note(f"in {_name(values, ids)}")
                    failures.append(error)
            if failures:
                told = ", ".join(error.__notes__[-1] for error in failures)
                raise ExceptionGroup(f"{len(failures)} of {len(known)} cases: {told}", failures)

        signature = inspect.signature(test)
        rest = [parameter for name, parameter in signature.parameters.items() if name not in fields]
        looped.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]  # what pytest asks for
        del looped.__wrapped__  # pytest would look through it
        return looped

    return decorate


def _name(values: Iterable[Any], ids: Callable[[Any], Any]) -> str:
    return "-".join(str(found) for value in values if (found := ids(value)) is not None)
