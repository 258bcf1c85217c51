"""JSON bodies with something wrong in them."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

odd = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=3)
anything = odd | st.lists(odd, max_size=2) | st.dictionaries(st.text(max_size=3), odd, max_size=2)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in `value` with each of its keys."""
    for key in range(len(value)) if isinstance(value, list) else list(value):
        yield value, key
        if isinstance(value[key], list | dict):
            yield from places(value[key])


@st.composite
def spoilt(draw: st.DrawFn, whole: dict[str, Any]) -> bytes:
    """`whole` with one or two of its values replaced or left out."""
    copy = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 2))):
        container, key = draw(st.sampled_from(list(places(copy)) or [({"": 0}, "")]))
        if draw(st.booleans()):
            container[key] = draw(anything)
        else:
            del container[key]
    return json.dumps(copy).encode()
