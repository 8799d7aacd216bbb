"""The words of hep_sub -resubmit; and that they take nothing away from older ones."""

from __future__ import annotations

import pytest

from hepsub.actions.submit.choose import Wanted
from hepsub.cli.commands.hep_sub import COMMAND
from hepsub.cli.grammar import rewrite
from hepsub.cli.parse import parse
from hepsub.cli.resubmission import changes_of, wanted_jobs
from hepsub.errors import HepsubError, UsageError
from hepsub.job import Remote
from hepsub.jobid import JobId

NEW = {"resubmit", "failed", "only"}


def wanted(*words: str) -> Wanted:
    return wanted_jobs(parse(words, COMMAND), COMMAND.options)


def test_which_jobs() -> None:
    assert wanted("-resubmit", "13") == Wanted(job=JobId(cluster=13))
    assert wanted("-resubmit", "13", "-failed", "-only", "3,17-18") == Wanted(
        job=JobId(cluster=13), only=(3, 17, 18), failed=True
    )
    assert wanted("-p", "here", "-resubmit", "schedd07:13.2-4") == Wanted(
        job=JobId(cluster=13, first=2, last=4, schedd="schedd07"), pool="here"
    )


def test_what_is_different() -> None:
    words = "-resubmit 13 -mem 6GB -wt 2h -np 2 -prio 0 -normt -env A=b -env C -cred krb -nocheck"
    found = changes_of(parse(words.split(), COMMAND))
    assert (found.memory_mb, found.walltime, found.cpus, found.priority) == (6144, "2h", 2, 0)
    assert (found.remote, found.variables) == (Remote.NEVER, (("A", "b"), ("C", None)))
    assert (found.credentials, found.check_objects) == (("krb",), False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-n 3", "-n/--number"),
        ("-list runs.txt", "-list/--list"),
        ("-argu x", "-argu/--argu"),
        ("-once key", "-once/--once"),
        ("-o log -gpu 0", "-o/--output, -gpu/--gpu"),
        ("-name fit", "-name/--name"),
        ("-first 0", "-first/--first"),
        ("job.sh", "not job.sh"),
    ],
)
def test_what_makes_other_jobs_is_refused_by_name(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        wanted("-resubmit", "13", *words.split())


def read_as(words: list[str], *, new: bool) -> list[str] | str:
    options = tuple(each for each in COMMAND.options if new or each.field not in NEW)
    try:
        return rewrite(words, COMMAND._replace(options=options))
    except HepsubError:
        return "refused"


def test_no_abbreviation_is_taken_away() -> None:
    """Whatever was understood before these options came means the same."""
    names = [name for option in COMMAND.options if option.field not in NEW for name in option.names]
    for name in names:
        for length in range(2, len(name) + 1):
            for value in ([], ["7"]):
                words = [name[:length], *value]
                before = read_as(words, new=False)
                if before != "refused":
                    assert read_as(words, new=True) == before, words
