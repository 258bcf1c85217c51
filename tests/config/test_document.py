"""The line of every key."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.config.document import Path, read_document

TEXT = '''\
top = 1
a.b.c = 2

[server] # comment
port = [
  1, # [x]
  2]
host = """
[not.a.header]
key = 1
"""
inline = { one = 1, two = { three = 3 } }

[[prices]]
model = 'x'
  [prices.sub]
  y = 1
[store]
url = "[z]"
[[prices]]
model = 'y'
[prices.sub]
y = 2
[providers."a.b"]
'c d' = 1
[providers."a.b".headers]
e = 1
[[prices.list]]
[[prices.list]]
z = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("top",), 1),
        (("a", "b", "c"), 2),
        (("server",), 4),
        (("server", "port"), 5),
        (("server", "port", 1), 5),
        (("server", "host"), 8),
        (("server", "inline", "two", "three"), 12),
        (("prices", 0), 14),
        (("prices", 0, "model"), 15),
        (("prices", 0, "sub", "y"), 17),
        (("store", "url"), 19),
        (("prices", 1), 20),
        (("prices", 1, "model"), 21),
        (("prices", 1, "sub"), 22),
        (("prices", 1, "sub", "y"), 23),
        (("providers", "a.b", "c d"), 25),
        (("providers", "a.b", "headers"), 26),
        (("providers", "a.b", "headers", "e"), 27),
        (("prices", 1, "list", 1, "z"), 30),
        (("store", "missing", "deeper"), 18),
        (("nowhere",), 1),
    ],
)
def test_a_key_is_found_where_it_stands(path: Path, line: int) -> None:
    assert read_document(TEXT, "x").line(path) == line
    assert read_document(TEXT.replace("\n", "\r\n"), "x").line(path) == line


NAMES = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from(["1", '"x"', "[1,\n2]", '"""\n[a]\n"""', "{ e = 1 }", "'''\na = 1'''"])
STATEMENTS = st.one_of(
    st.tuples(st.just("{} = {}"), st.lists(NAMES, min_size=1, max_size=2).map(".".join), VALUES),
    st.tuples(st.just("[{}]"), st.lists(NAMES, min_size=1, max_size=3).map(".".join), st.just("")),
    st.tuples(st.just("[[{}]]"), st.lists(NAMES, min_size=1, max_size=2).map(".".join), st.just("")),
)


@given(st.lists(STATEMENTS, max_size=10))
def test_every_leaf_of_any_document_has_a_line_that_holds_its_key(statements: list[tuple[str, str, str]]) -> None:
    text = ""
    for form, key, value in statements:
        longer = text + form.format(key, value) + "\n"
        try:
            tomllib.loads(longer)
        except tomllib.TOMLDecodeError:
            continue
        text = longer
    document = read_document(text, "x")
    lines = text.split("\n")
    for path in leaves(document.values, ()):
        name = [step for step in path if isinstance(step, str)][-1]
        assert name in lines[document.line(path) - 1].partition("#")[0]


def leaves(node: object, path: Path) -> list[Path]:
    if isinstance(node, dict) and node:
        return [leaf for key, child in node.items() for leaf in leaves(child, (*path, key))]
    if isinstance(node, list) and node:
        return [leaf for index, child in enumerate(node) for leaf in leaves(child, (*path, index))]
    return [path] if path else []
