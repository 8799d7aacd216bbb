"""HepJob's grammar in front of click: what is handed on."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.cli.grammar import rewrite
from hepsub.cli.main import load
from hepsub.cli.options import Kind, Option, named_ids
from hepsub.cli.parse import parse
from hepsub.errors import UsageError
from hepsub.jobid import JobId, parse_job_id

HEP_SUB = load("hep_sub")


@pytest.mark.parametrize(
    ("words", "rewritten"),
    [
        ([], ["--"]),
        (["job.sh"], ["--", "job.sh"]),
        (["-n", "3", "job.sh"], ["--number=3", "--", "job.sh"]),
        (["job.sh", "-argu", "a", "b c"], ["--argu=a", "--argu=b c", "--", "job.sh"]),
        (["job.sh", "-argu", "a", "-argu", "b"], ["--argu=b", "--", "job.sh"]),
        (["job.sh", "-rmt", "-name", "-5"], ["--remote", "--name=-5", "--", "job.sh"]),
        (["--", "--", "job.sh"][1:], ["--", "job.sh"]),
    ],
)
def test_words_are_handed_on_as_click_wants_them(words: list[str], rewritten: list[str]) -> None:
    """`--field=value`, then `--`, then the script: click has nothing left to misread."""
    assert rewrite(words, HEP_SUB) == rewritten


DASHES = "\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{HORIZONTAL BAR}"
DASH = "Text pasted from a web page often has the wrong dash: type it anew"
MORE = (
    "unrecognized arguments: more (the script is job.sh)",
    "arguments of the job go behind -argu: job.sh -argu more …",
)
EMPTY = ("an empty word instead of script", "perhaps a variable is not set?")
ARGU = "argument -argu/--argu/--arguments: expected at least one argument"
LEAVE = 'for a job without arguments leave -argu out, or write -argu ""'
QUOTED = "an argument of the job that begins with a dash goes into one quoted word: -argu"
NO_VALUE = "perhaps a variable is not set? Leave the option out when nothing is meant"
ALL = "hep_sub -help all shows all options"
TAKES = "-h shows what each option takes"
ALL_TAKE = "hep_sub -help all shows what each option takes"
MEMORY = "argument -mem/-m/--memory"


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        ("hep_sub job.sh more", *MORE),
        ("hep_sub -n 3 job.sh more", *MORE),
        ("hep_sub ''", *EMPTY),
        ("hep_sub job.sh ''", *EMPTY),
        ("hep_sub -rmt=yes job.sh", "argument -rmt/--remote: takes no value, but has 'yes'", "write -rmt alone"),
        ("hep_sub -argu", ARGU, LEAVE),
        ("hep_sub job.sh -argu --", ARGU, LEAVE),
        ("hep_sub job.sh -argu -n 3", ARGU, f'{LEAVE}; {QUOTED} "-n …"'),
        ("hep_sub job.sh -argu -n3", ARGU, f'{LEAVE}; {QUOTED} "-n3 …"'),
        ("hep_sub job.sh -argu -zz", "unknown option '-zz'",
         f'{QUOTED} "-zz …"; if it is an option of hep_sub: {ALL}'),
        ("hep_sub job.sh -argu a -nmae", "unknown option '-nmae'",
         f"{QUOTED} \"-nmae …\"; if it is an option of hep_sub: did you mean '-name'?"),
        ("hep_sub job.sh -argu a -imag", "unknown option '-imag'",
         f"{QUOTED} \"-imag …\"; if it is an option of hep_sub: did you mean '-image'?"),
        ("hep_sub -m", f"{MEMORY}: expected one argument", "-mem MB"),
        ("hep_sub -m -n 3", f"{MEMORY}: expected one argument, found the option '-n'",
         "a value that begins with a dash is attached: -mem=-n"),
        ("hep_sub -m= job.sh", f"{MEMORY}: the value is empty", NO_VALUE),
        ("hep_sub -m '' job.sh", f"{MEMORY}: the value is empty", NO_VALUE),
        ("hep_sub -memm 3 job.sh", "unknown option '-memm'", "did you mean '-mem'?"),
        ("hep_sub -zzzz job.sh", "unknown option '-zzzz'", ALL),
        ("hep_sub -xyz=3", "unknown option '-xyz'", ALL),
        ("hep_sub -m abc job.sh",
         f"{MEMORY}: 'abc' is no amount of memory: a number of MB, or a text such as 2GB", ALL_TAKE),
        ("hep_sub -n x job.sh", "argument -n/--number: 'x' is not a valid integer.", ALL_TAKE),
        ("hep_sub -per 0 job.sh", "argument -per/--per: '0' is less than one item", ALL_TAKE),
        ("hep_sub -per -3 job.sh", "argument -per/--per: '-3' is less than one item", ALL_TAKE),
        ("hep_sub -per x job.sh", "argument -per/--per: 'x' is no size: a number of items, or a size such as 2GB",
         ALL_TAKE),
        ("hep_sub job.sh -in", "argument -in/--in: expected one argument", "-in URL[=NAME]"),
        ("hep_q -i", "argument -i/--id: expected at least one argument", "-i ID…"),
        ("hep_q -i 13 -zz", "unknown option '-zz'", "hep_q -h shows all options"),
        ("hep_q -wyh", "unknown option '-wyh'", "did you mean '-why'?"),
        ("hep_edit -m x 13",
         "argument -m/-mem/--memory: 'x' is no amount of memory: a number of MB, or a text such as 2GB",
         f"hep_edit {TAKES}"),
        ("hep_sub -mail me job.sh", "unknown option '-mail'",
         "-notify error has HTCondor send mail when a job fails"),
        ("hep_sub -slurm -p here job.sh", "-slurm and -p here both name a pool", "leave out one of them"),
        ("hep_sub -slur job.sh", "unknown option '-slur'", "did you mean '-slurm'?"),
        ("hep_mount -slurm x", "unknown option '-slurm'", "hep_mount -h shows all options"),
        ("hep_sub -mt 4 job.sh", "HepJob's option -mt is none of hepsub",
         "leave it out; -mem says the memory, -np the cores, -wt the walltime"),
        ("hep_q -mt 4", "unknown option '-mt'", "hep_q -h shows all options"),
        ("hep_sub -status", "unknown option '-status'", "did you mean 'hep_sub status'?"),
        ("hep_sub statsu 13", "unrecognized arguments: 13 (the script is statsu)",
         "did you mean 'hep_sub status 13'? Else arguments of the job go behind -argu: statsu -argu 13 …"),
        ("hep_sub resubmit 13", "unrecognized arguments: 13 (the script is resubmit)",
         "did you mean 'hep_sub -resubmit 13'? Else arguments of the job go behind -argu: resubmit -argu 13 …"),
        ("hep_tail -n -1 13.0", "argument -n/--lines: -1 is less than 0", f"hep_tail {TAKES}"),
        ("hep_clus x", "unrecognized arguments: x", "hep_clus -h shows what there is"),
        ("hep_auth logn", "unrecognized arguments: logn",
         "did you mean 'hep_auth login'? hep_auth -h shows what there is"),
        ("hep_auth zzz", "unrecognized arguments: zzz", "hep_auth -h shows what there is"),
        ("hep_clus ''", "an empty word instead of an option", "perhaps a variable is not set?"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_with_what_could(
    words: str, message: str, remedy: str
) -> None:
    """Nothing is guessed, and each refusal says what to type instead."""
    program, *said = shlex.split(words)
    with pytest.raises(UsageError) as caught:
        parse(said, load(program))
    assert (caught.value.message, caught.value.remedy) == (message, remedy)


@pytest.mark.parametrize("dash", DASHES)
@pytest.mark.parametrize(
    ("word", "meant"), [("{}n", "-n"), ("{}{}number=3", "--number"), ("{}nn", "-n"), ("{}zzzzzz", "-zzzzzz")]
)  # fmt: skip
def test_a_dash_of_a_web_page_is_none(dash: str, word: str, meant: str) -> None:
    said = word.replace("{}", dash)
    with pytest.raises(UsageError) as caught:
        parse([said, "job.sh"], HEP_SUB)
    code = f"U+{ord(dash):04X}"
    assert caught.value.message == f"'{said}' begins with a long dash ({code}), not with a hyphen"
    assert caught.value.remedy == f"did you mean '{meant}'? {DASH}"


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("-m3GB -n2 job.sh", {"memory": 3072, "number": 2}),
        ("-first -1 -per 5 job.sh", {"first": -1, "per": (5, None)}),
        ("-per +5 job.sh", {"per": (5, None)}),
        ("-per 2MB job.sh", {"per": (None, 2 * 2**20)}),
        ("-per 1 job.sh", {"per": (1, None)}),
        ("job.sh -argu a --", {"argu": ("a",)}),
        ("-name 'a b=c -d' job.sh", {"name": "a b=c -d"}),
        (
            "job.sh -argu '-c x' -5 -1e5 -.5 -1_000",
            {"argu": ("-c x", "-5", "-1e5", "-.5", "-1_000")},
        ),
        ("-argu=-c job.sh", {"argu": ("-c",), "script": ("job.sh",)}),
        ("-in a=b -in c job.sh", {"inputs": ("a=b", "c")}),
        ("-- -x", {"script": ("-x",)}),
        ("-", {"script": ("-",)}),
    ],
)
def test_what_is_meant_is_taken(words: str, values: dict[str, object]) -> None:
    """Units, numbers with a sign, attached values, and what a blank or a number makes no option."""
    found = parse(shlex.split(words), HEP_SUB)
    assert {name: found[name] for name in values} == values


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("10min", 600), ("1h", 3600), ("abc", None), ("-5", None)]
)
def test_a_duration_is_a_number_of_seconds_or_a_text(text: str, seconds: int | None) -> None:
    option = Option(names=("-w",), field="wait", help="", metavar="TIME", kind=Kind.DURATION)
    command = HEP_SUB._replace(name="hep_x", options=(option,))
    if seconds is not None:
        assert parse([f"-w={text}"], command)["wait"] == seconds
        return
    with pytest.raises(UsageError) as caught:
        parse([f"-w={text}"], command)
    assert caught.value.message.startswith("argument -w: ")
    assert caught.value.message.endswith(": a number of seconds, or a text such as 10min")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.POSITIVE, "1", 1),
        (Kind.POSITIVE, "0", None),
        (Kind.COUNT, "0", 0),
        (Kind.COUNT, "-1", None),
        (Kind.INTEGER, "-1", -1),
        (Kind.TEXT, "-1", "-1"),
    ],
)
@pytest.mark.parametrize("repeated", [True, False])
def test_numbers_are_in_their_range(kind: Kind, text: str, value: object, repeated: bool) -> None:
    """The last one counts, or all of them do."""
    option = Option(names=("-x",), field="x", help="", metavar="X", kind=kind, repeated=repeated)
    command = HEP_SUB._replace(options=(option,), words=None)
    assert parse([], command) == {"x": () if repeated else None}
    if value is None:
        with pytest.raises(UsageError, match=rf"^argument -x: {text} is less than [01]$"):
            parse(["-x", text], command)
        return
    both = parse(["-x=5", "-x", text], command)["x"]
    first = "5" if kind is Kind.TEXT else 5
    assert both == ((first, value) if repeated else value)


@pytest.mark.parametrize(
    ("ids", "all_of_them", "named"),
    [
        (["13", "14.2", "13"], False, [parse_job_id("13"), parse_job_id("14.2")]),
        ([], True, []),
        ([], False, ("no job was named", "hep_x ID…, or hep_x -a for all of your jobs")),
        (["13"], True, ("both ids and -a were given", "-a means all of your jobs: leave out one of them")),
    ],
)  # fmt: skip
def test_jobs_are_named_or_all_are_meant(
    ids: list[str], all_of_them: bool, named: list[JobId] | tuple[str, str]
) -> None:
    values = {"ids": ids, "all": all_of_them}
    if isinstance(named, list):
        assert named_ids(values, "hep_x") == tuple(named)
        return
    with pytest.raises(UsageError) as caught:
        named_ids(values, "hep_x")
    assert (caught.value.message, caught.value.remedy) == named


VALUE = st.text(st.characters(codec="utf-8", exclude_characters=DASHES + "\0"), min_size=1)


@given(VALUE)
def test_an_attached_value_is_any_text_at_all(value: str) -> None:
    """-name=X gives X, whatever X is."""
    assert parse([f"-name={value}", "job.sh"], HEP_SUB)["name"] == value


@given(VALUE.filter(lambda text: not text.startswith("-")))
def test_a_value_that_does_not_begin_with_a_dash_is_any_text(value: str) -> None:
    """-name X gives X."""
    assert parse(["-name", value, "job.sh"], HEP_SUB)["name"] == value


@given(st.lists(VALUE.filter(lambda text: not text.startswith("-")), min_size=1, max_size=5))
def test_argu_takes_every_word_that_is_no_option(words: list[str]) -> None:
    """In their order, unchanged."""
    assert parse(["job.sh", "-argu", *words], HEP_SUB)["argu"] == tuple(words)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_an_argument(number: float) -> None:
    """Negative ones, and those with an exponent, too."""
    assert parse(["job.sh", "-argu", str(number)], HEP_SUB)["argu"] == (str(number),)


@pytest.mark.parametrize(
    ("word", "field"),
    [("--me", "memory"), ("-ima", "image"), ("-sche", "schedd"), ("--wal", "walltime")],
)
def test_an_option_may_be_cut_short_to_four_characters(word: str, field: str) -> None:
    """As HepJob's own parser allowed; never where it could name two of them."""
    assert rewrite([word, "5", "job.sh"], HEP_SUB)[0] == f"--{field}=5"


@pytest.mark.parametrize("word", ["-sc", "-im", "--m", "-rmt3", "-quiet2"])
def test_what_is_too_short_or_takes_no_number_is_refused(word: str) -> None:
    """A number is attached only to an option that takes a value."""
    with pytest.raises(UsageError, match="unknown option"):
        rewrite([word, "job.sh"], HEP_SUB)
