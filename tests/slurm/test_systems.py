"""The table of hepsub(7) on a real Slurm, 22.05 and 24.11."""

from __future__ import annotations

from subprocess import CompletedProcess

from tests.slurm.commands import submitted
from tests.systems import FILES, VARIABLES, answers_about, answers_to_options, told
from tests.testbed.kdc import Kdc
from tests.testbed.login import LoginNode


def test_each_row(alice: LoginNode, kdc: Kdc) -> None:
    kdc.join(alice.sandbox)
    account = alice.account
    kdc.kinit(account, life_s=3600, renewable_s=3600)
    for name, text in FILES.items():
        account.write(name, text, mode=0o755)
    environment = {**VARIABLES, "KRB5CCNAME": f"FILE:{kdc.cache(account).path}"}

    def run(words: list[str]) -> CompletedProcess[str]:
        return alice.run(words, env=environment)

    assert answers_to_options(run) == told("Slurm", options=True)
    long, short = (f"hpc:{submitted(alice, script)}" for script in ("job.sh", "short.sh"))
    assert answers_about(run, long, short) == told("Slurm", options=False)
