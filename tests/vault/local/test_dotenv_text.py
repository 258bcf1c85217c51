"""One variable of a `.env` file is changed, and all else of it stays byte for byte."""

import io

import pytest
from dotenv.parser import parse_stream
from hypothesis import given
from hypothesis import strategies as st

from keywright.vault.backends.dotenv_text import assigned, variables, without

ENDS = st.sampled_from(["\n", "\r\n", "\n\n", "\n  \n"])
LINES = st.sampled_from(
    [
        "# a comment with KEY='x' and an ' apostrophe",
        "",
        "OTHER=plain",
        "export OTHER='quoted # not a comment' # a comment",
        'DOUBLE="with \\" escape and\na second line"',
        "  INDENTED = spaced   # why",
        "EMPTY=",
        "EMPTY_QUOTED=''",
        "EMPTY_BUT_SAID= # nothing",
        "BARE",
        "export",
        "'QUOTED'='key'",
        "EXPANDED=${OTHER}x",
        "HASH=a#b",
        "KEY_PREVIOUS=mine",
        "KEY=old",
        "export KEY='old'",
        "KEY",
        "KEY=",
        "KEY= # nothing yet",
        'KEY = "old\n# of two lines" # kept',
        "\tKEY='it\\'s' # kept",
        "'KEY'=old",
        "no = variable = at all",
        "UMLAUT=ä",
    ]
)
FILES = st.builds(
    lambda bom, lines, last: bom + "".join(lines) + last,
    st.sampled_from(["", "\ufeff"]),
    st.lists(st.builds(str.__add__, LINES, ENDS), max_size=8),
    st.sampled_from(["", "LAST=without its line end", "# comment"]),
)
VALUES = st.text(st.characters(codec="utf-8"), min_size=1)


def others(text: str) -> list[str]:
    return [one.original.string for one in parse_stream(io.StringIO(text)) if one.key != "KEY"]


@given(text=FILES, value=VALUES)
def test_whatever_the_file_the_variable_is_changed_and_all_else_stays(text: str, value: str) -> None:
    changed = assigned(text, "KEY", value)
    assert variables(changed) == {**variables(text), "KEY": value}
    if any(one.key == "KEY" for one in parse_stream(io.StringIO(text))):
        assert others(changed) == others(text)
    else:
        assert changed.startswith(text)
    assert changed.count("# kept") == text.count("# kept")
    assert assigned(changed, "KEY", value) == changed


@given(text=FILES)
def test_what_is_taken_out_takes_nothing_with_it(text: str) -> None:
    left = without(text, "KEY")
    assert others(left) == others(text)
    assert "KEY" not in variables(left)
    assert left.startswith("\ufeff") == text.startswith("\ufeff")


@given(text=st.text(st.sampled_from("KEY=A'\"\\# \n\r\t$é")), value=VALUES)
def test_any_text_is_changed_so_or_not_at_all(text: str, value: str) -> None:
    try:
        changed = assigned(text, "KEY", value)
    except ValueError:
        return
    assert variables(changed) == {**variables(text), "KEY": value}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "KEY='new'\n"),
        ("A=b", "A=b\nKEY='new'\n"),
        ("KEY=old", "KEY='new'"),
        ("\n\n  export KEY = old # why\r\nA=b\r\n", "\n\n  export KEY='new' # why\r\nA=b\r\n"),
        ("KEY=old#er\n", "KEY='new'\n"),
        ('KEY="a\nb" # c\n', "KEY='new' # c\n"),
        ("KEY=1\nA=b\nKEY=2\n", "KEY='new'\nA=b\nKEY='new'\n"),
        ("KEY\n", "KEY='new'\n"),
    ],
)
def test_the_line_keeps_its_form(before: str, after: str) -> None:
    assert assigned(before, "KEY", "new") == after


def test_an_open_quote_that_would_swallow_the_value_is_refused_without_it() -> None:
    with pytest.raises(ValueError, match="read otherwise") as caught:
        assigned("A='open\n", "KEY", "sk-canary")
    assert "sk-canary" not in str(caught.value)
