"""The walk over a body's top level: what passes has one reading, and edits touch nothing else."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keywright.core.errors import RefusedError
from keywright.dialects.members import DEPTH_MAX, FLAG, MODEL, TOKENS, walked
from tests.laws.strategies import law

RELIED = frozenset({"model", "stream"})

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), max_size=6)
bodies = st.dictionaries(names.filter(lambda name: name.casefold() not in RELIED) | st.sampled_from(["model"]), values)


def refused(body: bytes) -> str:
    with pytest.raises(RefusedError) as caught:
        walked(body, RELIED)
    assert (caught.value.failure.status, caught.value.failure.code) == (400, "invalid_json")
    return caught.value.failure.message


@law
@given(bodies, st.sampled_from([None, 0, 3, "\t"]), st.booleans())
def test_every_member_stands_where_the_walk_says(body: dict[str, Any], indent: int | str | None, ascii_: bool) -> None:
    data = json.dumps(body, indent=indent, ensure_ascii=ascii_).encode()
    if ascii_ and not all(name.isascii() for name in body):
        return
    members = walked(data, RELIED)
    assert list(members.values) == list(body)
    if members.starts is None:
        assert data == b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), raw) for name, raw in members.values.items())
        return
    for start, raw in zip(members.starts, members.values.values(), strict=True):
        assert data.startswith(bytes(raw), start)
    assert data[members.close :] == b"}"


@law
@given(bodies, st.dictionaries(st.sampled_from(["model", "stream", 'x"y']), values), st.booleans())
@example({}, {"model": 1, "stream": 2}, False)
@example({}, {"model": 1, "stream": 2}, True)
@example({"model": [1, 2]}, {"model": "\n"}, False)
def test_an_edit_changes_those_members_only(body: dict[str, Any], changes: dict[str, Any], compact: bool) -> None:
    data = b" " + json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n"
    if compact:
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    edited = walked(data, RELIED).edited({name: json.dumps(value).encode() for name, value in changes.items()})
    assert json.loads(edited) == {**body, **changes}
    assert list(json.loads(edited)) == list({**body, **changes})


def test_an_edit_leaves_every_other_byte_as_it_came() -> None:
    body = b'\t{ "a" :1.0e2, "model"\n: "x" ,"z":{"model": "y"} } \n'
    edited = walked(body, RELIED).edited({"model": b'"gpt"', "stream": b"true"})
    assert edited == b'\t{ "a" :1.0e2, "model"\n: "gpt" ,"z":{"model": "y"} ,"stream":true} \n'
    assert walked(b" {\n}", RELIED).edited({"stream": b"true"}) == b' {\n"stream":true}'
    assert walked(body, RELIED).edited({}) == body


def test_an_edit_leaves_every_other_byte_of_a_compact_body_too() -> None:
    body = '{"a":1.0e2,"model":"x","z":{"model": "y"},"\u00e9":"\\u00e9\\/"}'.encode()
    edited = walked(body, RELIED).edited({"model": b'"gpt"', "stream": b"true"})
    assert edited == '{"a":1.0e2,"model":"gpt","z":{"model": "y"},"\u00e9":"\\u00e9\\/","stream":true}'.encode()


@law
@given(bodies, st.sets(st.sampled_from(["model", "stream", "a", "b", ""])), st.sampled_from([None, 0, 1]), values)
@example({"a": 1, "b": 2, "model": 3}, {"a", "b"}, 1, 4)
@example({"a": 1, "b": 2, "model": 3}, {"b", "model"}, 1, 4)
@example({"model": 3}, {"model"}, 1, 4)
def test_removed_members_are_gone_and_the_others_stay(
    body: dict[str, Any], removed: set[str], indent: int | None, added: Any
) -> None:
    body = {"a": 1, **body, "b": 2}
    data = json.dumps(body, ensure_ascii=False, indent=indent).encode()
    if indent is None:
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    changes = {"version": json.dumps(added).encode()}
    edited = walked(data, RELIED).edited(changes, frozenset(removed))
    wanted = {name: value for name, value in body.items() if name not in removed} | {"version": added}
    assert json.loads(edited) == wanted
    assert list(json.loads(edited)) == list(wanted)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b' { "model" : 1 , "a": 1.0e2,\n"b":2 }', b' { "a": 1.0e2,\n"b":2 }'),
        (b'{"a": 1.0e2 , "model" : 1 ,\n"b":2 }', b'{"a": 1.0e2 ,\n"b":2 }'),
        (b'{"a": 1.0e2 , "b":2,\t"model" : 1\n}', b'{"a": 1.0e2 , "b":2\n}'),
        (b'{ "model" : 1 } ', b"{} "),
        (b'{"a":1.0e2,"model":1,"b": 2}', b'{"a":1.0e2,"b": 2}'),
    ],
)
def test_a_removal_leaves_every_other_byte_as_it_came(body: bytes, left: bytes) -> None:
    assert walked(body, RELIED).edited({}, frozenset({"model"})) == left


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"b"}',
        b'{"model":"a","model":"a"}',
        b'{"model":1,"b":2,"model":3}',
        b'{"b":2,"model":{"x":1,"b":2},"model":3}',
        b'{"model":{"z":1,         "c":22},"c":"                    ","model":1}',
        b'{"x":1,"x":2}',
        b'{"model":1,"\\u006dodel":2}',
        b'{"\\u006dodel":2}',
        b'{"x\\"":2}',
        b'{"MODEL":"a"}',
        b'{"model":"a","Model":"b"}',
        b'{"\xc5\xbftream":true}',  # a long s, which some parsers take for an s
        b'{"model":"a", "Stream" : true}',
    ],
)
def test_a_body_with_two_readings_is_refused(body: bytes) -> None:
    assert "member" in refused(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"[]",
        b'"x"',
        b"null",
        b"{",
        b'{"a":1,}',
        b'{"a":1} {}',
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b'{"\xff":1}',
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert refused(body).startswith("the body cannot be read: it ")


def test_the_limit_of_depth_holds_wherever_brackets_stand() -> None:
    def nested(depth: int, inner: bytes = b"") -> bytes:
        return b'{"a":' + b'[{"b":' * ((depth - 1) // 2) + b"[" + inner + b"]" + b"}]" * ((depth - 1) // 2) + b"}"

    in_string = json.dumps('[{\\"' * DEPTH_MAX).encode()
    walked(nested(DEPTH_MAX, in_string), RELIED)
    walked(json.dumps({"a": [["x]", '\\"', "[\n"]] * 1000, "b": "{" * 1000}).encode(), RELIED)
    assert "128 levels" in refused(nested(DEPTH_MAX + 2, in_string))
    assert "128 levels" in refused(nested(DEPTH_MAX + 2, json.dumps("]" * DEPTH_MAX).encode()))
    assert "128 levels" in refused(nested(10**6))


def test_a_members_value_is_read_and_one_of_another_type_is_refused_by_name() -> None:
    members = walked(b'{"model":"m","stream":null,"max_tokens":-1}', frozenset())
    assert members.needed("model", MODEL) == "m"
    assert members.value("stream", FLAG) is members.value("absent", FLAG) is None
    with pytest.raises(RefusedError, match="max_tokens is not as it must be") as refusal:
        members.value("max_tokens", TOKENS)
    assert refusal.value.failure.param == "max_tokens"
    with pytest.raises(RefusedError, match="absent is missing"):
        members.needed("absent", MODEL)
