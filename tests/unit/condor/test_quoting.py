"""How a text gets into a job unchanged, or is refused."""

from __future__ import annotations

import re

import classad2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hepsub.condor.quoting import (
    classad_string,
    path_value,
    plain,
    quote_line,
    quote_word,
    unquote_line,
)
from hepsub.errors import NotExpressible
from hepsub.plan.template import Name, Template, literal, parse_template

DOLLAR_HEAVY = st.text(alphabet="$()[]'\" ab%{}:.\\ü\t", max_size=30)
WORDS = st.lists(DOLLAR_HEAVY | st.text(max_size=30), max_size=8)


def stored(quoted: str) -> str:
    """What HTCondor stores of what stands between the enclosing quotes: `""` as one."""
    return quoted.replace('""', '"')


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("", "''"),
        ("a", "'a'"),
        ("a b", "'a b'"),
        ("it's", "'it''s'"),
        ('say "hi"', '\'say ""hi""\''),
        ("'", "''''"),
        ("$", "$"),
        ("$$", "$$(DOLLARDOLLAR)"),
        ("$$$", "$$(DOLLARDOLLAR)$"),
        ("$$$$", "$$(DOLLARDOLLAR)$$(DOLLARDOLLAR)"),
        ("$HOME", "$'HOME'"),
        ("$(ProcId)", "$'(ProcId)'"),
        ("$$(X)", "$$(DOLLARDOLLAR)'(X)'"),
        ("$$([MY.X])", "$$(DOLLARDOLLAR)'([MY.X])'"),
        ("a$b$$c", "'a'$'b'$$(DOLLARDOLLAR)'c'"),
        ("100%", "'100%'"),
        ("a\\", "'a\\'"),
        ("ü\tx", "'ü\tx'"),
    ],
)
def test_a_word_is_quoted(word: str, quoted: str) -> None:
    """Each run in single quotes, each pair of dollars as DOLLARDOLLAR, a lone dollar as itself."""
    assert quote_word(literal(word)) == quoted


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("%{ProcId}", "$(ProcId)"),
        ("%{clusterid}.%{procid}", "$(ClusterId)'.'$(ProcId)"),
        ("run%{ProcId}.root", "'run'$(ProcId)'.root'"),
        ("$%{ProcId}", "$''$(ProcId)"),
        ("$$%{ProcId}", "$$(DOLLARDOLLAR)$(ProcId)"),
        ("$$$%{ProcId}", "$$(DOLLARDOLLAR)$''$(ProcId)"),
        ("%{ProcId}$", "$(ProcId)$"),
        ("%{ProcId}$(X)", "$(ProcId)$'(X)'"),
    ],
)
def test_names_become_macros_that_no_dollar_touches(text: str, quoted: str) -> None:
    """A user's dollar in front of a macro would read as `$$(`: something stands between them."""
    assert quote_word(parse_template(text)) == quoted


def test_words_are_joined_with_blanks() -> None:
    """So that the whole is one value in double quotes."""
    assert quote_line([literal("a b"), literal(""), literal('"')]) == "'a b' '' '\"\"'"
    assert quote_line([]) == ""


@given(WORDS)
@example(["$$(X)", "", "'", '"', '""', "''", "$$$", " "])
def test_what_goes_in_comes_out(words: list[str]) -> None:
    """Any words at all, quoted, stored by HTCondor and read from the ad, are the same words."""
    assert unquote_line(stored(quote_line([literal(word) for word in words]))) == words


@given(WORDS)
def test_no_macro_of_a_user_gets_through(words: list[str]) -> None:
    """`$$(` stands in the result only in front of DOLLARDOLLAR, and `$(` or `$name(` never."""
    quoted = quote_line([literal(word) for word in words])
    rest = quoted.replace("$$(DOLLARDOLLAR)", "")
    assert "$$" not in rest
    assert not re.search(r"\$[A-Za-z0-9_:.]*[(\[]", rest)


@given(st.lists(st.tuples(DOLLAR_HEAVY, st.sampled_from([Name.PROC, Name.CLUSTER])), max_size=4))
def test_between_macros_nothing_becomes_a_macro(pairs: list[tuple[str, Name]]) -> None:
    """Whatever stands around ProcId and ClusterId, only these two and DOLLARDOLLAR are macros."""
    rest = quote_word(Template(tuple(part for pair in pairs for part in pair if part != "")))
    for known in ("$$(DOLLARDOLLAR)", "$(ProcId)", "$(ClusterId)"):
        rest = rest.replace(known, "|")
    assert "$$" not in rest
    assert "$|" not in rest
    assert not re.search(r"\$[A-Za-z0-9_:.]*[(\[]", rest)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", []),
        ("a b", ["a", "b"]),
        ("  a \t b  ", ["a", "b"]),
        ("'a b' c", ["a b", "c"]),
        ("''", [""]),
        ("a''b", ["ab"]),
        ("'it''s'", ["it's"]),
        ("$$(DOLLARDOLLAR)'(X)'", ["$$(X)"]),
        ("'a", ["'a"]),
        ("-f --use-ssl", ["-f", "--use-ssl"]),
    ],
)
def test_arguments_of_other_programs_are_read_too(raw: str, words: list[str]) -> None:
    """Jobs that condor_submit made are in the queue as well; an unbalanced quote is shown as it is."""
    assert unquote_line(raw) == words


@pytest.mark.parametrize(
    "text",
    ["/x/job.sh", "/x/a b.sh", "/x/ü", "/x/$HOME", "/x/a$b", "a'b", 'a"b', "50%", "%{other}", "#x", "a=b"],
)  # fmt: skip
def test_a_plain_text_goes_in_as_it_is(text: str) -> None:
    """Names of files may be odd; what HTCondor leaves alone, hepsub leaves alone."""
    assert plain(text, "the path") == text


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("a\nb", "a line end or a control character"),
        ("a\rb", "a line end or a control character"),
        ("a\tb", "a line end or a control character"),
        ("a\0b", "a line end or a control character"),
        ("a\x1fb", "a line end or a control character"),
        ("a\x7f", "a line end or a control character"),
        ("a\udc80", "is not UTF-8"),
        ("$(X)", "what HTCondor reads as a macro"),
        ("$$(X)", "what HTCondor reads as a macro"),
        ("$$[X]", "what HTCondor reads as a macro"),
        ("$ENV(HOME)", "what HTCondor reads as a macro"),
        ("$F(X)", "what HTCondor reads as a macro"),
        ("$RANDOM_INTEGER(1,2)", "what HTCondor reads as a macro"),
        ("a$$b", "what HTCondor reads as a macro"),
        ("a$", "what HTCondor reads as a macro"),
        (" a", "a blank at its end"),
        ("a ", "a blank at its end"),
        ("a\\", "a backslash there"),
    ],
)
def test_a_text_that_would_not_arrive_is_refused(text: str, trouble: str) -> None:
    """What HTCondor would read as something else is refused with the reason."""
    with pytest.raises(NotExpressible) as caught:
        plain(text, "the name")
    assert trouble in caught.value.message
    assert caught.value.message.startswith("the name ")


def test_a_path_has_names_as_macros() -> None:
    """ClusterId and ProcId are HTCondor's to fill in."""
    assert path_value(parse_template("/x/%{ProcId}.%{ClusterId}.log"), "the path") == (
        "/x/$(ProcId).$(ClusterId).log"
    )


@pytest.mark.parametrize("text", ["/x/$%{ProcId}", "/x/$$%{ClusterId}", "/x/$(%{ProcId})"])
def test_a_dollar_before_a_name_in_a_path_is_refused(text: str) -> None:
    """`$` and `$(ProcId)` together would be `$$(ProcId)`."""
    with pytest.raises(NotExpressible):
        path_value(parse_template(text), "the path")


@pytest.mark.parametrize("text", ["/x/a %{ProcId}", "/x/ü %{ProcId} b"])
def test_a_blank_before_a_name_in_a_path_is_kept(text: str) -> None:
    """A blank in the middle of a path is a part of the path."""
    assert path_value(parse_template(text), "the path") == text.replace("%{ProcId}", "$(ProcId)")


PRINTABLE = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f$", exclude_categories=("Cs", "Cc", "Z")), min_size=1
).filter(lambda text: not text.endswith("\\"))  # fmt: skip


@given(PRINTABLE)
@example('say "hi"')
@example("a\\b")
@example('\\"x')
def test_a_classad_string_evaluates_to_the_text(text: str) -> None:
    """HTCondor's own parser gives back what went in, quotes and backslashes included."""
    assert classad2.ExprTree(classad_string(text, "the key")).eval() == text


@pytest.mark.parametrize("text", ["$$(X)", "a\nb", "$(X)", " a"])
def test_a_classad_string_refuses_what_a_plain_text_refuses(text: str) -> None:
    """The string stands in a submit description: the same dangers."""
    with pytest.raises(NotExpressible):
        classad_string(text, "the key")
