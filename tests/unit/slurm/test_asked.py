"""What `#SBATCH` lines ask for, in hepsub's words and in sbatch's."""

from __future__ import annotations

import pytest

from hepsub.errors import NotOnSlurm
from hepsub.job import JobSpec
from hepsub.slurm.asked import asked
from hepsub.slurm.directives import read_directives
from hepsub.slurm.sbatch import sbatch_words
from tests.fakes.world import make_policy, make_situation, make_spec, make_world, plan_for

HPC = """
[pool.hpc]
kind = "slurm"
partition = "normal"
account = "{group}"
"""
UUID = "e0339dba-f0a8-4ea4-80f9-8134af13c661"
MINE = make_situation(environment={"MINE": "1"})


def spec_of(lines: str, *words: str) -> JobSpec:
    """What is asked for by `hep_sub job.sh WORDS`, where job.sh has these lines."""
    found = read_directives(
        "#!/bin/sh\n" + "\n".join(f"#SBATCH {each}" for each in lines.split("\n")), "job.sh"
    )
    pool = make_policy(HPC).pool["hpc"]
    return asked(make_spec("job.sh", *words), found, pool, MINE, name="hpc", decided=True)


def told(lines: str, *words: str) -> tuple[str, ...]:
    """What sbatch is told."""
    policy = make_policy(HPC)
    plan = plan_for(spec_of(lines, *words), policy, make_world(situation=MINE))
    return sbatch_words(plan, UUID, policy.pool["hpc"])


@pytest.mark.parametrize(
    ("lines", "words", "there", "not_there"),
    [
        ("-p gpu", "", "--partition=gpu", "--partition=normal"),
        ("-p gpu", "", "--account=juno", "--time=600:00"),
        ("-p gpu", "", "--cpus-per-task=1", "--mem=2000M"),
        ("-A u07", "", "--account=u07", "--account=juno"),
        ("-A u07", "-g juno", "--account=juno", "--account=u07"),
        ("-t 90", "", "--time=90:00", ""),
        ("-t 2-12", "", "--time=3600:00", ""),
        ("-t 1:02:03", "-wt 30min", "--time=30:00", "--time=62:03"),
        ("--mem=4G", "", "--mem=4096M", "--mem=4G"),
        ("--mem=0", "", "--mem=0", "--mem=2000M"),
        ("--mem=4G", "-mem 300", "--mem=300M", "--mem=4096M"),
        ("--mem-per-cpu=1G -c 4", "", "--mem-per-cpu=1G", "--mem=2000M"),
        ("--mem-per-cpu=1G", "-mem 300", "--mem=300M", "--mem-per-cpu=1G"),
        ("--gpus=2", "", "--gpus=2", ""),
        ("--gpus=v100:2", "", "--gpus=v100:2", "--gpus=2"),
        ("--gpus=v100:2", "-gpu 1", "--gpus=1", "--gpus=v100:2"),
        ("--gres=gpu:v100:2", "", "--gres=gpu:v100:2", "--gpus=2"),
        ("--gres=gpu:v100:2,tmpdisk:5", "-gpu 1", "--gres=tmpdisk:5", "--gres=gpu:v100:2,tmpdisk:5"),
        ("--gres=gpu=2,tmpdisk:5", "-gpu 1", "--gres=tmpdisk:5", "--gres=gpu=2,tmpdisk:5"),
        ("--gpus-per-node=1", "", "--gpus-per-node=1", "--gpus=1"),
        ("--gpus=1 --cpus-per-gpu=4", "", "--cpus-per-gpu=4", "--cpus-per-task=1"),
        ("--gpus=1 --cpus-per-gpu=4", "-np 2", "--cpus-per-task=2", "--cpus-per-gpu=4"),
        ("-J reco", "", "--job-name=reco", "--job-name=job.sh"),
        ("-J reco", "-name mine", "--job-name=mine", "--job-name=reco"),
        ("-a 0-9%3", "", "--array=0-9%3", ""),
        ("-a 1-100", "", "--array=0-99", ""),
        ("-a 5", "", "--array=0-0", ""),
        ("-a 0-9", "-n 3", "--array=0-2", "--array=0-9"),
        ("-a 0-9%3", "-maxrun 5", "--array=0-9%5", ""),
        ("-o log.%j", "", "--output=/work/alice/log.%A", ""),
        ("-o log.%j", "", "--error=/work/alice/log.%A", ""),
        ("-o log.%j", "-e err", "--error=/work/alice/err", ""),
        ("-o log.%j", "-o out", "--output=/work/alice/out", "--output=/work/alice/log.%A"),
        ("-o log.%j", "-n 2", "--output=/work/alice/log.%A_%a", ""),
        ("-o log/%x_%A_%a -J reco -a 0-1", "", "--output=/work/alice/log/reco_%A_%a", ""),
        ("-o log.%u.%%", "", "--output=/dev/null", ""),
        ("-D log -o out", "", "--output=/work/alice/log/out", "--chdir=/work/alice"),
        ("-D data", "", "--chdir=/work/alice/data", "--chdir=/work/alice"),
        ("-w node7", "", "--nodelist=node7", ""),
        ("-w node7", "-wn node8", "--nodelist=node8", "--nodelist=node7"),
        ("-x node7", "-wn node8", "--exclude=node7", ""),
        ("--nice", "", "--nice=100", ""),
        ("--nice=7", "-prio -3", "--nice=3", "--nice=7"),
        ("--tmp=10G", "", "--tmp=10240M", ""),
        ("--mail-type=END", "", "--mail-type=END", ""),
        ("--mail-type=END", "-notify error", "--mail-type=FAIL", "--mail-type=END"),
        ("--exclusive", "", "--exclusive", ""),
        ("--qos=a\n--qos=b", "", "--qos=b", "--qos=a"),
        ("--open-mode=append", "", "--open-mode=append", "--open-mode=truncate"),
        ("-n1 -N 1 --requeue -Q", "", "--ntasks=1", "--quiet"),
    ],
)  # fmt: skip
def test_what_sbatch_is_told(lines: str, words: str, there: str, not_there: str) -> None:
    found = told(lines, *words.split())
    assert there in found
    assert not_there not in found
    assert len({each.partition("=")[0] for each in found}) == len(found)


def test_fields_that_options_fill() -> None:
    spec = spec_of("-a 1-10 -G a100:1,v100:2 --export=ALL,MINE,THINE,A=b", "-env", "A=c")
    assert (spec.number, spec.first, spec.resources.gpus) == (10, 1, 3)
    assert spec.environment.inherit
    assert spec.environment.named == (("MINE", None), ("A", "c"))
    assert not spec_of("--export=NONE").environment.inherit
    assert spec_of("--export=MINE").environment.named == (("MINE", None),)
    assert spec_of("-o l_%a -a 3-4").stdout == "l_%{Index}"


def test_what_is_said_of_it() -> None:
    policy = make_policy(HPC + '[defaults]\nsbatch_lines = "hpc"')
    spec = spec_of("-p gpu --mem=4G", "-mem", "300")
    plan = plan_for(spec, policy, make_world(situation=MINE))
    (note,) = plan.notes
    assert note == (
        "the #SBATCH lines of job.sh send the jobs to hpc, Slurm (sbatch_lines, test.toml line 7), and ask for"
        " --partition=gpu; -mem instead of --mem=4G (line 2); every option counts more, -p too"
    )
    assert plan.route.reasons[0].matched == "#SBATCH lines of job.sh"
    assert "-p" not in plan.route.reasons[0].because


@pytest.mark.parametrize(
    ("line", "why", "remedy"),
    [
        ("-n 4", "job.sh line 2: --ntasks=4: hepsub starts one program on one node", "--cpus-per-task=N"),
        ("-N 2-4", "--nodes=2-4: hepsub starts one program", "sbatch itself"),
        ("-d afterok:13", "--dependency=afterok:13", "hep_wait 13 && hep_sub"),
        ("--signal=B:USR1@60", "--signal=B:USR1@60", "remove the line"),
        ("--no-requeue", "--no-requeue", "remove the line"),
        ("--comment=x", "--comment=x", "hepsub's own mark"),
        ("-H", "--hold", "hep_hold"),
        ("-W", "--wait", "hep_sub -wait"),
        ("--wrap=x", "--wrap=x", "remove the line"),
        ("-M other", "--clusters=other", "-p"),
        ("-a 1,3,7", "--array=1,3,7: hepsub's jobs have the indices of one row", "remove the line"),
        ("-a 9-1", "indices of one row", "remove the line"),
        ("-w a,b", "Slurm gives a job all the nodes of this list", "remove the line"),
        ("-w gpu[01-03]", "Slurm gives a job all the nodes of this list", "remove the line"),
        ("-t UNLIMITED", "a job of hepsub's has a limit", "remove the line"),
        ("-t 0", "a job of hepsub's has a limit", "remove the line"),
        ("--mem=lots", "no amount of memory", "remove the line"),
        ("-c 0", "no number from 1", "remove the line"),
        ("--nice=-5", "only lower", "remove the line"),
        ("-G many", "no number of GPUs", "remove the line"),
        ("-o log.%N", "hepsub cannot fill in %N", "remove the line"),
        ("-o log.%4a", "hepsub cannot fill in %4a", "remove the line"),
        ("--export=A='b", "no list of NAME", "remove the line"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused_by_name(line: str, why: str, remedy: str) -> None:
    quoted = line.replace("'", "\\'")
    with pytest.raises(NotOnSlurm) as refused:
        spec_of(quoted)
    assert why in refused.value.message
    assert remedy in refused.value.remedy
