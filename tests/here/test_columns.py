"""Lists with columns on the embedded pool: each job gets its own line's, the second time, too."""

from __future__ import annotations

from hepsub.actions.submit.choose import Wanted
from hepsub.actions.submit.respell import Changes
from hepsub.actions.submit.resubmit import resubmit
from hepsub.jobid import parse_job_id
from tests.here.world import Here

_SAYS = """printf '%s|' "$@" "$RUN" "$ALL" "$(cat "$2" 2>/dev/null)" >> "ran.$1"
[ -e good ] || [ "$1" != 8 ]"""


def test_columns_in_arguments_variables_and_logs(here: Here) -> None:
    """CSV with quotes and an empty column; the same when a job is run again and the list is another one."""
    here.script(_SAYS)
    (here.directory / "a b.txt").write_text("A")
    (here.directory / "runs.csv").write_text('run,file,note\n7,"a b.txt",\n8,none,"it\'s ""x"""\n')
    words = "job.sh -list runs.csv -columns header -o %{item.run}.out -e %{item.run}.%{item.file.stem}.err -argu"
    cluster = here.submit(
        *words.split(), "%{item.run}", "%{item.file}", "%{item.3}",
        "-env", "RUN=r%{item.run}.%{ProcId}", "-env", "ALL=%{item}",
    )  # fmt: skip
    assert [job.exit_code for job in here.ended(cluster)] == [0, 1]
    first = '7|a b.txt||r7.0|7,"a b.txt",|A|'
    second = '8|none|it\'s "x"|r8.1|8,none,"it\'s ""x"""||'
    assert here.read("ran.7") == first
    assert here.read("ran.8") == second
    assert {"7.out", "7.a b.err", "8.out", "8.none.err"} <= {
        path.name for path in here.directory.iterdir()
    }
    (here.directory / "runs.csv").write_text("other\n")
    (here.directory / "good").write_text("")
    wanted = Wanted(job=parse_job_id(str(cluster)), failed=True)
    result = resubmit(here.session(), wanted, Changes())
    again = result.value.submitted.cluster
    assert [job.exit_code for job in here.ended(again)] == [0]
    assert here.read("ran.8") == second * 2


def test_staged_files_by_their_columns(here: Here) -> None:
    """-in and -out of each line, two lines a job: the wrapper gets and brings them."""
    here.script('cat "$@" > sum; cat items.txt >> sum')
    for name in ("x", "y", "z"):
        (here.directory / f"{name}.in").write_text(f"{name}\n")
    (here.directory / "runs.tsv").write_text("1\tx.in\n1\ty.in\n2\tz.in\n")
    cluster = here.submit(
        "job.sh", "-list", "runs.tsv", "-per", "2", "-in", "%{items.2}", "-out", "sum=res/%{item.1}.%{item.2.stem}",
        "-argu", "%{items.2}",
    )  # fmt: skip
    assert [job.exit_code for job in here.ended(cluster)] == [0, 0]
    assert here.read("res/1.x") == "x\ny\n1\tx.in\n1\ty.in\n"
    assert here.read("res/2.z") == "z\n2\tz.in\n"
