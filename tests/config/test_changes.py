"""Which lines change when settings get other values."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from keywright.config.changes import Change, Wanted, changes

TEXT = """\
# api_key = "env:A"
[providers.openai]  # the first
api_key = "env:A"
admin_key = 'env:A'

[[providers.edge.credentials]]
name = "env:B"
api_key = [
  "vault://secret/a#b",  # "env:B"
  "env:B", "env:C",
]
[secrets]
vault = { token = "env:B", address = "http://127.0.0.1" }
"""


def test_a_line_is_told_with_its_table_what_it_is_and_what_it_becomes() -> None:
    wanted = [
        Wanted(("providers", "openai", "api_key", 0), "env:A", "sealed:openai"),
        Wanted(("providers", "edge", "credentials", 0, "api_key", 1), "env:B", "sealed:edge"),
        Wanted(("providers", "edge", "credentials", 0, "api_key", 2), "env:C", "sealed:edge-2"),
        Wanted(("secrets", "vault", "token"), "env:B", "file:/token"),
        Wanted(("providers", "openai", "admin_key"), "env:A", "sealed:admin"),
    ]
    assert changes(TEXT, "t", wanted) == (
        Change(3, "[providers.openai]", 'api_key = "env:A"', 'api_key = "sealed:openai"'),
        Change(4, "[providers.openai]", "admin_key = 'env:A'", "admin_key = 'sealed:admin'"),
        Change(10, "[[providers.edge.credentials]]", '"env:B", "env:C",', '"sealed:edge", "sealed:edge-2",'),
        Change(
            13,
            "[secrets]",
            'vault = { token = "env:B", address = "http://127.0.0.1" }',
            'vault = { token = "file:/token", address = "http://127.0.0.1" }',
        ),
    )


def test_what_the_text_does_not_have_is_a_line_to_add() -> None:
    found = Wanted(("providers", "groq", "api_key", 0), "env:GROQ_API_KEY", "sealed:groq")
    escaped = Wanted(("store", "password"), "env:A", "file:/p")
    assert changes('[store]\npassword = "env:\\u0041"\n', "t", [found, found, escaped]) == (
        Change(0, "[providers.groq]", "", 'api_key = "sealed:groq"'),
        Change(0, "[store]", "", 'password = "file:/p"'),
    )


@given(st.lists(st.sampled_from(["env:A", "env:B"]), min_size=1, max_size=6), st.data())
def test_the_changed_lines_make_the_wanted_document(keys: list[str], data: st.DataObject) -> None:
    text = "[p.a]\nk = [" + ", ".join(f'"{key}"' for key in keys) + ']\n[p.b]\nk = "env:A"\n'
    index = data.draw(st.integers(0, len(keys) - 1))
    (change,) = changes(text, "t", [Wanted(("p", "a", "k", index), keys[index], "new:X")])
    lines = text.split("\n")
    assert lines[change.line - 1] == change.old
    lines[change.line - 1] = change.new
    keys[index] = "new:X"
    assert tomllib.loads("\n".join(lines)) == {"p": {"a": {"k": keys}, "b": {"k": "env:A"}}}
