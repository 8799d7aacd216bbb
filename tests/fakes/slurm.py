"""Slurm's programs as a test wants them: squeue shows rows, the others note each call and answer."""

from __future__ import annotations

import shlex

from tests.fakes.programs import Programs

USUAL = {
    "ArrayJobID": "4711", "ArrayTaskID": "3", "JobID": "4714", "State": "PENDING", "Reason": "Priority",
    "exit_code": "0:0", "UserName": "alice", "SubmitTime": "1796034147", "StartTime": "N/A", "EndTime": "N/A",
    "TimeUsed": "0:00", "TimeLimit": "1-10:00:00", "MinMemory": "4000M", "NumCPUs": "2", "Nice": "-5",
    "NodeList": "", "Partition": "normal", "Comment": "(null)", "Name": "job.sh",
}  # fmt: skip
"""A job that waits: the fields of squeue in the order in which hepsub asks for them."""
_ENDED = ("COMPLETED", "CANCELLED", "FAILED")
_SQUEUE = """
for word; do case "$word" in
  --Format=*) token=${word##*:}; token=${token#?} ;;
  --states=all) all=1 ;;
esac; done
while IFS= read -r line; do
  case "$line" in '!'*) [ "$all" ] || continue; line=${line#!} ;; esac
  printf '%s%s\\n' "$line" "$token"
done < "$0.rows"
"""


class FakeSlurm:
    """Programs of Slurm's on PATH."""

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        programs.add("squeue", _SQUEUE)
        self.show()
        for name in ("scontrol", "scancel"):
            self.answer(name)

    def show(self, **jobs: dict[str, str]) -> None:
        """Let squeue show jobs of the cluster 4711, by their tasks, which differ from USUAL so."""
        rows = [USUAL | {"ArrayTaskID": task.strip("_")} | said for task, said in jobs.items()]
        lines = (
            ("!" if row["State"] in _ENDED else "")
            + "".join(f"{text}\x1f" for text in row.values())
            for row in rows
        )
        text = "".join(f"{line}\n" for line in lines)
        (self.programs.directory / "squeue.rows").write_text(text)

    def answer(self, name: str, words: str = "", *, code: int = 0) -> None:
        """Let a program say words on stderr and end with a code."""
        said = f"printf '%s\\n' {shlex.quote(words)} >&2\n" if words else ""
        self.programs.add(name, f'echo "$*" >> "$0.calls"\n{said}exit {code}')

    def calls(self, name: str) -> list[str]:
        """The words of each call of a program."""
        notes = self.programs.directory / f"{name}.calls"
        return notes.read_text().splitlines() if notes.exists() else []
