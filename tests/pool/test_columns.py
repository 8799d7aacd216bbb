"""Lists with columns on the pool: what each job gets, from a cluster made at once and from a factory."""

import json

import pytest

from tests.pool.shell import IDLE, Shell

pytestmark = [pytest.mark.condor]

MANY = 150
"""More than the test's policy lets be made at once."""


def test_each_job_gets_the_columns_of_its_line(user: Shell) -> None:
    """Quotes, dollars, blanks, an empty column: in words, variables and names of logs, exactly."""
    user.script("job.sh", 'printf "%s|" "$#" "$@" "$RUN" "$ALL"')
    rows = ['7,"a ""b"" $c",', "8,it's,$(x) $$", "9,\"tab\there\",' '"]
    user.account.write("runs.csv", "run,what,note\n" + "\n".join(rows) + "\n")
    words = ("-list", "runs.csv", "-columns", "header", "-o", "%{item.run}.out", "-e", "/dev/null")
    cluster = user.submit(
        *(
            "job.sh",
            *words,
            "-env",
            "RUN=r%{item.run}.%{ProcId}.%{ClusterId}",
            "-env",
            "ALL=%{item}",
        ),
        *("-argu", "%{item.run}", "%{item.what}", "%{item.3}", "%{items.2}"),
    )
    assert [ad["ExitCode"] for ad in user.ended(cluster, len(rows))] == [0] * len(rows)
    cells = [('a "b" $c', ""), ("it's", "$(x) $$"), ("tab\there", "' '")]
    for proc, (row, (what, note)) in enumerate(zip(rows, cells, strict=True)):
        run = 7 + proc
        said = ["4", str(run), what, note, what, f"r{run}.{proc}.{cluster}", row]
        assert user.text(f"{run}.out") == "".join(f"{each}|" for each in said)


def test_failed_jobs_have_their_own_columns_again(user: Shell) -> None:
    """Whatever the list holds by then, and whatever HTCondor calls them."""
    user.script("job.sh", 'echo "$1 $FILE" >> "$1.ran"; [ -e good ] || [ "$1" = 7 ]')
    user.account.write("runs.csv", "run,file\n7,/d/a.root\n8,/d/b.root\n9,/d/c.root\n")
    words = (
        "-list",
        "runs.csv",
        "-columns",
        "header",
        "-argu",
        "%{item.run}",
        "-o",
        "%{item.run}.out",
    )
    cluster = user.submit("job.sh", *words, "-env", "FILE=%{item.file.stem}.%{ProcId}.%{ClusterId}")
    assert [ad["ExitCode"] for ad in user.ended(cluster, 3)] == [0, 1, 1]
    user.account.write("runs.csv", "other\n")
    user.account.write("good", "")
    again = user.submit("-resubmit", str(cluster), "-failed")
    assert [ad["ExitCode"] for ad in user.ended(again, 2)] == [0, 0]
    assert user.text("9.ran") == f"9 c.2.{cluster}\n" * 2
    assert user.text("7.ran") == f"7 a.0.{cluster}\n"


def test_a_large_list_is_a_factory(user: Shell) -> None:
    """The schedd makes the jobs as they are needed, each with its own; -dry-run -json shows them, too."""
    user.script("job.sh", 'echo "$1 $FILE" > "$1.ran"')
    lines = "".join(f"{run}\t/data/f{run}.root\n" for run in range(1000, 1000 + MANY))
    user.account.write("runs.tsv", lines)
    words = ("job.sh", "-list", "runs.tsv", "-columns", "run,file", "-argu", "%{item.run}", "-env",
        "FILE=%{item.file.stem}", "-o", "/dev/null", "-e", "/dev/null")  # fmt: skip
    shown = user.result("hep_sub", *words, "-dry-run")
    assert (shown["jobs"], shown["factory"]) == (MANY, True)
    assert [each["arguments"] for each in shown["procs"]][:2] == [["1000"], ["1001"]]
    cluster = user.submit(*words)
    assert [ad["ExitCode"] for ad in user.ended(cluster, MANY, timeout=300)] == [0] * MANY
    for run in (1000, 1000 + MANY - 1):
        assert user.text(f"{run}.ran") == f"{run} f{run}\n"


def test_bad_lists_and_columns_are_refused_before_anything_is_submitted(user: Shell) -> None:
    """Nothing comes into the queue, and the line or the column is named."""
    user.script("job.sh", "true")
    user.account.write("l", "1,a\n2\n")
    assert "l, line 2: 1 column" in user.refused(16, "job.sh", "-list", "l", "-argu", "%{item.1}")
    user.account.write("l", "1,a\n2,b\n")
    words = ("job.sh", "-list", "l", *IDLE)
    assert "did you mean 'file'?" in user.refused(
        2, *words, "-columns", "run,file", "-argu", "%{item.fiel}"
    )
    assert "l has no column 3" in user.refused(2, *words, "-o", "%{item.3}.out")
    assert "-columns: two columns" in user.refused(2, *words, "-columns", "run,run")
    assert json.loads(user.ok("hep_q", "-u", "-json"))["result"]["jobs"] == []
