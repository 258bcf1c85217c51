"""No text makes the loader fail in another way than by a ConfigError."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from keywright.config import Config, parse
from keywright.core.errors import ConfigError

SECTIONS = st.sampled_from(["server", "store", "providers", "models", "prices", "retry", "openai", "x", '"a b"'])
FIELDS = st.sampled_from(
    ["port", "url", "kind", "api_key", "base_url", "headers", "timeout_s", "route", "model", "input"]
)
SCALARS = st.sampled_from(["1", "-1", "1.5", "nan", "true", '"env:A"', '"sk-x"', '"http://h"', '"openai/x"', '"0.1"'])
OTHERS = st.sampled_from(["[]", "[[1]]", "{}", "{x = 1}", "{total = 1}", '["a",\n"b"]', '"""a\n[b]\n"""', "2025-01-01"])
KEYS = st.lists(SECTIONS | FIELDS, min_size=1, max_size=4).map(".".join)
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS, SCALARS | OTHERS),
    KEYS.map("[{}]".format),
    KEYS.map("[[{}]]".format),
    st.text(max_size=8),
)


@given(st.one_of(st.text(), st.lists(LINES, max_size=8).map("\n".join)))
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(parse(text), Config)
