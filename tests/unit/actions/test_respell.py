"""What runs again has the words of the first time: for every shape of command line that HepJob's users have."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.respell import Changes, respelled
from hepsub.job import JobSpec, Remote, SlurmRequest
from hepsub.jobid import Again
from hepsub.orders import Order
from hepsub.plan.draft import Draft, Reading, draft
from hepsub.plan.template import Values, parse_template
from tests.cli.test_corpus import LINES
from tests.fakes.world import make_policy, make_situation, make_spec

POLICY = make_policy('[storage.herd]\nendpoint = "https://s3.example.org"\ndefault = true\n')
UUID = "11111111-2222"


def drafted(spec: JobSpec, reading: Reading) -> Draft:
    return draft(spec, POLICY, make_situation(), reading)


def order_of(made: Draft, items: tuple[str, ...] = (), ends: tuple[int, ...] = ()) -> Order:
    return Order(
        spec=made.spec,
        cwd="/work/alice",
        environment={},
        items=items,
        ends=ends,
        stdout=str(made.layout.stdout),
        stderr=str(made.layout.stderr),
    )


def words_of(made: Draft, values: Values, cluster: int) -> list[str]:
    """All that a job is told, when its cluster has this number."""
    known = replace(values, cluster=cluster)
    files = [
        text for each in (*made.spec.inputs, *made.spec.outputs) for text in (each.name, each.url)
    ]
    texts = [parse_template(text).with_uuid(UUID) for text in (*made.spec.arguments, *files)]
    return [text.fill(known) for text in (made.layout.executable, *texts)]


def logs_of(made: Draft, values: Values) -> list[str]:
    known = replace(values, cluster=14)
    return [made.layout.stdout.fill(known), made.layout.stderr.fill(known)]


def check(spec: JobSpec, items: tuple[str, ...] = (), ends: tuple[int, ...] = ()) -> None:
    """Some of the jobs run again, and are told what they were told."""
    made = drafted(spec, Reading(items=items, ends=ends))
    last = made.number - 1
    again = Again(uuid=UUID, cluster=13, procs=tuple(sorted({0, last // 2, last})))
    own = [made.jobs[proc] for proc in again.procs]
    kept = tuple(item for values in own for item in values.items)
    sizes = [len(values.items) for values in own]
    reading = Reading(
        items=kept,
        ends=tuple(sum(sizes[: number + 1]) for number in range(len(sizes))) if ends else (),
        again=again,
    )
    second = drafted(respelled(order_of(made, items, ends), again, POLICY, Changes(), ()), reading)
    assert second.number == len(own)
    for before, now in zip(own, second.jobs, strict=True):
        assert words_of(second, now, 14) == words_of(made, before, 13)
        assert logs_of(second, now) == logs_of(made, before)


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line["argv"])[:60])
def test_a_real_command_line(line: dict[str, list[str]]) -> None:
    check(make_spec(*line["argv"]))


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        ("job.sh -list runs.txt -argu %{item}", ()),
        (
            "job.sh -list runs.txt -first 40 -argu %{Index} %{ProcId} -o log/%{item} -e log/%{item}.e",
            (),
        ),
        ("run-%{ProcId}.sh -list runs.txt -in s3://raw/%{Index}/%{ProcId}=in", ()),
        ("job.sh -list runs.txt -in %{item} -out r=s3://out/%{ClusterId}/%{ProcId}/%{Uuid}", ()),
        ("job.sh -list runs.txt -per 2 -argu %{items}", (2, 4, 5)),
        (
            "job.sh -list runs.txt -per 2GB -in %{items} -out *.root=s3://out/%{Uuid}/%{Index}/",
            (1, 5),
        ),
    ],
)
def test_with_a_list(words: str, ends: tuple[int, ...]) -> None:
    check(make_spec(*words.split()), tuple(f"s3://raw/d{n}/run.root" for n in range(5)), ends)


def test_a_word_about_sites_replaces_what_was_said_of_them() -> None:
    made = drafted(make_spec("job.sh", "-site", "far", "-wn", "n1"), Reading())
    again = Again(uuid=UUID, cluster=13, procs=(0,))

    def placed(**changes: object) -> tuple[str | None, Remote, str | None]:
        spec = respelled(order_of(made), again, POLICY, Changes(**changes), ())  # type: ignore[arg-type]
        return spec.placement.site, spec.placement.remote, spec.placement.worker_node

    assert placed() == ("far", Remote.UNSAID, "n1")
    assert placed(remote=Remote.NEVER) == (None, Remote.NEVER, "n1")
    assert placed(remote=Remote.WANTED) == (None, Remote.WANTED, "n1")
    assert placed(site="near") == ("near", Remote.UNSAID, "n1")


def test_memory_that_was_left_to_slurm_is_left_to_it_again() -> None:
    made = drafted(replace(make_spec("job.sh"), slurm=SlurmRequest(script="job.sh")), Reading())
    again = Again(uuid=UUID, cluster=13, procs=(0,))

    def memory(**changes: int) -> int | None:
        spec = respelled(order_of(made), again, POLICY, Changes(**changes), ())  # type: ignore[arg-type]
        return spec.resources.memory_mb

    assert [memory(), memory(memory_mb=300)] == [None, 300]
