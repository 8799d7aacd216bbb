"""Which variables travel with a job."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from hepsub.errors import EnvironmentTooLarge, NotExpressible, UsageError
from hepsub.job import EnvironmentRequest
from hepsub.plan.environment import (
    Travelling,
    choose_environment,
    secret_names,
    without_own,
)
from tests.fakes.world import make_policy, make_situation, make_spec, make_world, plan_for

STAYED = "not sent with the job, because they look like secrets:"
SENDS = "; -env NAME sends one all the same, in a file that only the job reads"
HERE = {"PWD": "/work/alice"}
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


def chosen(
    own: Mapping[str, str],
    *named: tuple[str, str | None],
    inherit: bool = True,
    remote: bool = False,
    limit_kb: int = 512,
) -> Travelling:
    """What travels of this environment."""
    request = EnvironmentRequest(inherit=inherit, named=named)
    return choose_environment(
        request, own, directory="/work/alice", limit_kb=limit_kb, remote=remote
    )


def test_the_submitters_environment_travels() -> None:
    """What the user has set, the job gets, unchanged, dollars and blanks included."""
    own = {
        "PATH": "/usr/bin",
        "CMTCONFIG": "a b",
        "ODD": "$$(X) %{ProcId} 'q' \"d\"",
        "A.B": "1",
        "EMPTY": "",
    }
    assert chosen(own) == Travelling(variables={**HERE, **own}, notes=())


@pytest.mark.parametrize(
    "name",
    [
        "_", "BASHOPTS", "SHELLOPTS", "SHLVL", "OLDPWD", "SSH_AUTH_SOCK", "SSH_CONNECTION", "DISPLAY", "XAUTHORITY",
        "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_SESSION_ID", "TMUX", "OIDC_SOCK", "KRB5CCNAME",
        "LS_COLORS", "_CONDOR_JOB_AD", "_CONDOR_SCRATCH_DIR",
    ],
)  # fmt: skip
def test_what_belongs_to_the_session_stays(name: str) -> None:
    """Variables of the login session, and those that HTCondor sets itself, mean nothing in a job."""
    assert chosen({name: "x", "KEPT": "1"}) == Travelling(variables={**HERE, "KEPT": "1"}, notes=())


KERNEL = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "FORCE_COLOR": "1",
    "PAGER": "cat",
    "TERM": "xterm-color",
}


@pytest.mark.parametrize(
    ("own", "travels"),
    [
        ({"JPY_PARENT_PID": "7", "JPY_SESSION_NAME": "a.ipynb", **KERNEL}, {}),
        ({"JPY_PARENT_PID": "7", "MPLBACKEND": "Agg", "PAGER": "less"}, {"MPLBACKEND": "Agg", "PAGER": "less"}),
        (KERNEL, KERNEL),
    ],
)  # fmt: skip
def test_what_a_notebooks_kernel_sets_stays_and_what_the_user_set_travels(
    own: dict[str, str], travels: dict[str, str]
) -> None:
    """A job that plots would look for the notebook, and write colours into its logs."""
    assert chosen(own) == Travelling(variables={**HERE, **travels}, notes=())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASH_FUNC_module%%", "() {  eval `/usr/bin/modulecmd bash $*`\n}"),
        ("BASH_FUNC_which()", "() {  (alias)\n}"),
        ("old_function", "() { echo hi; }"),
    ],
)
def test_exported_functions_stay_without_a_word(name: str, value: str) -> None:
    """They break HepJob's jobs; everybody on a cluster with modules has them, so nothing is said."""
    assert chosen({name: value, "KEPT": "1"}).variables == {**HERE, "KEPT": "1"}
    assert chosen({name: value, "KEPT": "1"}).notes == ()


def test_secrets_stay_and_the_user_is_told() -> None:
    """The note names the variables, never their values."""
    own = {"GITHUB_TOKEN": "hush", "HARMLESS": JWT, "KEPT": "1"}
    assert chosen(own) == Travelling(
        variables={**HERE, "KEPT": "1"},
        notes=(f"{STAYED} GITHUB_TOKEN, HARMLESS{SENDS}",),
    )


def test_of_many_secrets_a_dozen_are_named() -> None:
    """A note of a hundred names would hide what else is said."""
    own = {f"A{number:02}_TOKEN": "hush" for number in range(15)}
    (note,) = chosen(own).notes
    assert note.endswith(f" A10_TOKEN, A11_TOKEN and 3 more{SENDS}")


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\x1f", "\udcff", "a\0"])
def test_what_htcondor_cannot_carry_stays_and_the_user_is_told(value: str) -> None:
    """Line ends, the unit separator and bytes that are not UTF-8 have no place in a job's ad."""
    assert chosen({"ODD": value, "KEPT": "1"}) == Travelling(
        variables={**HERE, "KEPT": "1"},
        notes=(
            "not sent with the job, because they hold line ends or are not UTF-8: ODD",
        ),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["HOME", "SHELL", "USER", "LOGNAME", "MAIL", "HOSTNAME", "TMPDIR"])
def test_what_is_wrong_elsewhere_travels_at_home_only(name: str) -> None:
    """Without this host's users and file system the worker's own values are the right ones."""
    assert chosen({name: "x"}).variables == {**HERE, name: "x"}
    assert chosen({name: "x"}, remote=True).variables == {}


def test_pwd_is_the_jobs_own_directory() -> None:
    """A program that trusts $PWD finds the directory it runs in, by the name that the user sees."""
    assert chosen({"PWD": "/somewhere/else"}).variables == {"PWD": "/work/alice"}


def test_pwd_stays_where_the_directory_is_not() -> None:
    """Without the shared file system the job runs somewhere else."""
    assert chosen({"PWD": "/work/alice"}, remote=True).variables == {}


def test_without_inheritance_nothing_travels() -> None:
    """-noenv sends nothing, and has nothing to tell about what it leaves behind."""
    assert chosen({"A": "1", "GITHUB_TOKEN": "x"}, inherit=False) == Travelling(
        variables={}, notes=()
    )


def test_named_variables_travel_without_inheritance() -> None:
    """-noenv -env A -env B=2 sends just these: the own value, and the one given."""
    sent = chosen({"A": "1", "C": "3"}, ("A", None), ("B", "2"), inherit=False)
    assert sent.variables == {"A": "1", "B": "2"}


def test_a_value_that_is_given_goes_before_the_own_one() -> None:
    """-env A=2 in an environment with A=1 sends 2; an empty value is a value."""
    assert chosen({"A": "1"}, ("A", "2")).variables == {**HERE, "A": "2"}
    assert chosen({"A": "1"}, ("A", "")).variables == {**HERE, "A": ""}


def test_the_last_of_two_values_counts() -> None:
    """-env A=1 -env A=2 sends 2."""
    assert chosen({}, ("A", "1"), ("A", "2")).variables == {**HERE, "A": "2"}


def test_a_variable_of_the_session_can_be_named() -> None:
    """Who names KRB5CCNAME gets it."""
    assert chosen({"KRB5CCNAME": "FILE:/x"}, ("KRB5CCNAME", None)).variables == {
        **HERE,
        "KRB5CCNAME": "FILE:/x",
    }


def test_naming_what_is_not_set_is_an_error() -> None:
    """A job that misses a variable fails hours later: it is said now."""
    with pytest.raises(UsageError) as caught:
        chosen({}, ("NOPE", None))
    assert caught.value.message == "-env NOPE: the variable is not set here"
    assert caught.value.remedy == "give it a value: -env NOPE=VALUE"


@pytest.mark.parametrize(
    ("name", "value"), [("API_TOKEN", "hush"), ("X", JWT), ("AWS_SECRET_ACCESS_KEY", None)]
)
def test_a_secret_that_is_named_travels_apart(name: str, value: str | None) -> None:
    """Everybody can read the queue: a secret must not get there even when it is asked for."""
    own = {"AWS_SECRET_ACCESS_KEY": "hush", "KEPT": "1"}
    sent = chosen(own, (name, value), ("B", "2"), inherit=False)
    assert sent.variables == {"B": "2"}
    assert sent.secrets == {name: value or "hush"}
    assert "hush" not in repr(sent)
    assert JWT not in repr(sent)


def test_a_secret_that_is_named_was_not_left_out() -> None:
    """The note names what stays, and how one of them is sent."""
    own = {"A_TOKEN": "hush", "B_TOKEN": "hush"}
    sent = chosen(own, ("A_TOKEN", None))
    assert (sent.variables, sent.secrets) == (HERE, {"A_TOKEN": "hush"})
    assert sent.notes == (f"{STAYED} B_TOKEN{SENDS}",)


def test_of_two_values_of_a_variable_only_the_last_one_travels() -> None:
    """Neither beside the other, in the ad or apart."""
    sent = chosen({"A": "old"}, ("A", "plain"), ("A", JWT))
    assert (sent.variables, sent.secrets) == (HERE, {"A": JWT})
    sent = chosen({"A": "old"}, ("A", JWT), ("A", "plain"))
    assert (sent.variables, sent.secrets) == ({**HERE, "A": "plain"}, {})


def test_of_two_values_the_last_one_counts_though_the_first_has_names_in_it() -> None:
    found = chosen({}, ("A", "%{ProcId}"), ("A", "x"), ("B", "x"), ("B", "%{ProcId}"))
    assert (found.variables["A"], list(found.templates)) == ("x", ["B"])


def test_a_secret_may_hold_what_htcondor_cannot_carry() -> None:
    """A private key has lines."""
    assert chosen({}, ("SSH_PRIVATE_KEY", "a\nb\udcff")).secrets == {
        "SSH_PRIVATE_KEY": "a\nb\udcff"
    }


@pytest.mark.parametrize("name", ["A.TOKEN", "1_TOKEN", "A TOKEN", "hs_token", "A-TOKEN"])
def test_a_secret_needs_a_name_that_a_shell_can_set(name: str) -> None:
    """Any other one would have to stand in a command line."""
    with pytest.raises(NotExpressible, match=f"-env {name}: it looks like a secret") as caught:
        chosen({}, (name, "hush"))
    assert "hush" not in caught.value.message + caught.value.remedy


def test_the_names_of_secrets_are_known_before_the_rest_is_decided() -> None:
    """They decide whether there is a bundle."""
    request = EnvironmentRequest(named=(("A", "1"), ("B_TOKEN", None), ("C", JWT)))
    assert secret_names(request, {"B_TOKEN": "hush", "D_TOKEN": "hush"}) == ("B_TOKEN", "C")


def test_secrets_count_for_the_limit() -> None:
    """They are a part of the program's environment like any other variable."""
    with pytest.raises(EnvironmentTooLarge, match="A_TOKEN"):
        chosen({}, ("A_TOKEN", "x" * 5000), limit_kb=4)


@pytest.mark.parametrize(("name", "value"), [("A", "x\ny"), ("A\n", "x"), ("A", "\udc80")])
def test_naming_what_htcondor_cannot_carry_is_an_error(name: str, value: str) -> None:
    """What the user asked for is never left out silently."""
    with pytest.raises(NotExpressible):
        chosen({}, (name, value))


def test_hepjobs_limit_of_64_kb_is_none() -> None:
    """An environment of 100 kB, which HepJob refuses, travels."""
    own = {f"V{number}": "x" * 1000 for number in range(100)}
    assert chosen(own).variables == {**HERE, **own}


def test_an_environment_above_the_limit_names_the_largest() -> None:
    """The user learns the size, the limit, and which variables make it, the largest first."""
    own = {"SMALL": "x", "BIG": "x" * 2000, "BIGGER": "x" * 3000}
    with pytest.raises(EnvironmentTooLarge) as caught:
        chosen(own, limit_kb=4)
    assert caught.value.message == (
        "the environment is 4.9 kB, more than the limit of 4.0 kB;"
        " the largest: BIGGER (2.9 kB), BIG (2.0 kB), PWD (16 B), SMALL (8 B)"
    )
    assert "-noenv" in caught.value.remedy


def test_at_most_five_of_the_largest_are_named() -> None:
    """The list stays readable."""
    own = {f"V{number}": "x" * (1000 + number) for number in range(9)}
    with pytest.raises(EnvironmentTooLarge) as caught:
        chosen(own, limit_kb=1)
    assert [f"V{n} (" in caught.value.message for n in range(9)] == [False] * 4 + [True] * 5


@pytest.mark.parametrize(("length", "fits"), [(131068, True), (131070, False)])
def test_one_variable_of_128_kb_starts_no_program(length: int, *, fits: bool) -> None:
    """Linux counts NAME=VALUE and the end of the string; above 131,072 bytes execve fails."""
    own = {"A": "x" * length}
    if fits:
        assert chosen(own).variables == {**HERE, **own}
        return
    with pytest.raises(EnvironmentTooLarge, match=r"the variable A is 128\.0 kB"):
        chosen(own)


def test_sizes_are_of_bytes_not_of_letters() -> None:
    """A text of 600 letters with two bytes each is above a limit of 1 kB."""
    with pytest.raises(EnvironmentTooLarge):
        chosen({"A": "ü" * 600}, limit_kb=1)


@pytest.mark.parametrize(
    ("own", "travels"),
    [
        ({"PATH": "/v/bin:/usr/bin"}, {"PATH": "/usr/bin"}),
        ({"PATH": "/a:/l/bin:/b:/v/bin"}, {"PATH": "/a:/b"}),
        ({"PATH": "/v/bin"}, {}),
        ({"PATH": "/v/bin2:/usr/bin"}, {"PATH": "/v/bin2:/usr/bin"}),
        ({"VIRTUAL_ENV": "/v"}, {}),
        (
            {"VIRTUAL_ENV": "/mine", "PATH": "/mine/bin:/v/bin"},
            {"VIRTUAL_ENV": "/mine", "PATH": "/mine/bin"},
        ),
    ],
)
def test_hepsubs_own_python_is_not_the_jobs(own: dict[str, str], travels: dict[str, str]) -> None:
    """What is on PATH for hepsub's commands stays here; the user's own environments travel."""
    situation = replace(
        make_situation(environment=own),
        own_programs=frozenset({"/v/bin", "/l/bin"}),
        own_environment="/v",
    )
    assert without_own(situation) == travels
    plan = plan_for(make_spec("job.sh"), make_policy(), make_world(situation=situation))
    assert {name: plan.environment[name] for name in own if name in plan.environment} == travels


def test_without_an_environment_of_its_own_nothing_is_taken_out() -> None:
    """A Python of the system, or of the caller who imports hepsub."""
    own = {"PATH": "/usr/bin:/v/bin", "VIRTUAL_ENV": "/v"}
    assert without_own(make_situation(environment=own)) == own
