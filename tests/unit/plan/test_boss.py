"""Jobs of BOSS: which files travel, under which names, and what the options say there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.errors import NotExpressible, OutputConflict
from hepsub.job import FileRequest
from hepsub.plan.boss import OptionsFile, Travel, at_home, resolved, same_outputs_note, travelling
from hepsub.plan.joboptions import read_job_options
from hepsub.plan.template import job_values
from tests.fakes.world import make_spec

CWD = Path("/work/alice")
ENVIRONMENT = {"OUT": "/besfs/out", "HERE": "sub"}


def option_file(*lines: str) -> OptionsFile:
    """Job options of which all files count."""
    options = read_job_options("\n".join(("KKMC.A = 1;", *lines)).encode())
    found = {each.path: resolved(each.path, ENVIRONMENT, CWD) for each in options.files}
    places = {said: where for said, where in found.items() if where}
    return OptionsFile(options=options, places=places, here=frozenset({"/work/alice/here.dec"}))


def reads(*paths: str) -> str:
    names = ", ".join(f'"{path}"' for path in paths)
    return f"EventCnvSvc.digiRootInputFile = {{{names}}};"


def writes(path: str) -> str:
    return f'EventCnvSvc.digiRootOutputFile = "{path}";'


def travel(*lines: str, words: tuple[str, ...] = ()) -> Travel:
    """How one job's options travel."""
    files = {"/work/alice/sim.txt": option_file(*lines)}
    return travelling(make_spec("sim.txt", *words), files, job_values(1, 0, ()), CWD)


def many(script: str, lines: Sequence[tuple[str, ...]], *words: str) -> Travel:
    """How the options of several jobs travel."""
    jobs = job_values(len(lines), 0, ())
    files = {
        f"/work/alice/{script.replace('%{ProcId}', str(proc))}": option_file(*each)
        for proc, each in enumerate(lines)
    }
    return travelling(make_spec(script, *words), files, jobs, CWD)


def files_of(found: Travel) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    spec = found.spec
    return (
        [(each.name, each.url) for each in spec.inputs],
        [(each.name, each.url) for each in spec.outputs],
    )


OWN = ("", "/work/alice/sim.txt")


@pytest.mark.parametrize("name", ['b"c.root', "b'c", "b\\c", "名.root"])
def test_a_name_that_the_text_cannot_hold_is_refused(name: str) -> None:
    """A quote would end it, and what is in latin-1 has not all letters."""
    lines = (reads("/d/a.root"), "// für")
    text = "\n".join(("KKMC.A = 1;", *lines)).encode("latin-1")
    file = replace(option_file(*lines), options=read_job_options(text))
    spec = make_spec("sim.txt", "-in", f"/d/a.root={name}")
    with pytest.raises(NotExpressible, match=r"/d/a\.root cannot be"):
        travelling(spec, {"/work/alice/sim.txt": file}, job_values(1, 0, ()), CWD)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("/besfs/x", "/besfs/x"),
        ("x.dst", "/work/alice/x.dst"),
        ("./a/x.dst", "/work/alice/a/x.dst"),
        ("../x.dst", "/work/alice/../x.dst"),
        ("$OUT/x", "/besfs/out/x"),
        ("${OUT}/$(HERE)/x", "/besfs/out/sub/x"),
        ("$OUTER/x", ""),
        ("root://host//x", ""),
        ("/besfs/%{ProcId}", ""),
        ("/besfs/a\tb", ""),
    ],
)
def test_paths(said: str, path: str) -> None:
    assert resolved(said, ENVIRONMENT, CWD) == path


@pytest.mark.parametrize(
    ("lines", "words", "inputs", "outputs", "text"),
    [
        (
            (reads("/besfs/x.rtraw", "y.rtraw"), writes("/besfs/r/x.dst")),
            (),
            [OWN, ("x.rtraw", "/besfs/x.rtraw"), ("y.rtraw", "/work/alice/y.rtraw")],
            [("x.dst", "/besfs/r/x.dst")],
            (reads("x.rtraw", "y.rtraw"), writes("x.dst")),
        ),
        (  # two of one name, and one like the options themselves
            (reads("/a/x", "/b/x", "/c/sim.txt"), writes("/d/x")),
            (),
            [OWN, ("2_x", "/a/x"), ("3_x", "/b/x"), ("2_sim.txt", "/c/sim.txt")],
            [("x", "/d/x")],
            (reads("2_x", "3_x", "2_sim.txt"), writes("x")),
        ),
        (  # the user's own words count, by path or by name
            (reads("/besfs/x"), writes("r.dst")),
            ("-in", "/besfs/x=mine", "-out", "r.dst=herd:out/r.dst"),
            [("mine", "/besfs/x"), OWN],
            [("r.dst", "herd:out/r.dst")],
            (reads("mine"), writes("r.dst")),
        ),
        (
            (reads("/besfs/x"), writes("/besfs/r.dst")),
            ("-in", "herd:raw/x", "-out", "*.dst=herd:out/"),
            [("", "herd:raw/x"), OWN],
            [("*.dst", "herd:out/")],
            (reads("x"), writes("r.dst")),
        ),
        (
            (writes("r.dst"),),
            ("-out", "other=/work/alice/r.dst"),
            [OWN],
            [("other", "/work/alice/r.dst")],
            (writes("other"),),
        ),
        (  # written and read again
            (reads("/besfs/x", "root://h//y", "$NO/z"), writes("/besfs/x")),
            (),
            [OWN],
            [("x", "/besfs/x")],
            (reads("x", "root://h//y", "$NO/z"), writes("x")),
        ),
        (  # what may be any text is a file where it is here, or where the user says so
            ('A.B = {"here.dec", "/t/there", "/t/else"};',),
            ("-in", "/t/there"),
            [("", "/t/there"), OWN, ("here.dec", "/work/alice/here.dec")],
            [],
            ('A.B = {"here.dec", "there", "/t/else"};',),
        ),
        (
            (reads("$OUT/x"),),
            (),
            [OWN, ("x", "/besfs/out/x")],
            [],
            (reads("x"),),
        ),
    ],
)
def test_one_job(
    lines: tuple[str, ...],
    words: tuple[str, ...],
    inputs: list[tuple[str, str]],
    outputs: list[tuple[str, str]],
    text: tuple[str, ...],
) -> None:
    found = travel(*lines, words=words)
    assert files_of(found) == (inputs, outputs)
    assert found.texts == {"/work/alice/sim.txt": "\n".join(("KKMC.A = 1;", *text)).encode()}
    assert found.spec.arguments == ("sim.txt",)


def test_what_is_told() -> None:
    assert travel(writes("/d/r.dst")).notes == (
        "sim.txt travels as a copy that names the job's own files: /d/r.dst is r.dst",
    )
    assert travel(writes("r.dst")).notes == ()


def test_a_file_for_each_job() -> None:
    """What differs is the job's number: the options of job 11 have it in a name that has another 1, too."""
    lines = [
        (reads("/d1/in.rtraw"), writes(f"/besfs/run1/r_{proc}.dst"), f"KKMC.Seed = {proc};")
        for proc in range(12)
    ]
    found = many("sim_%{ProcId}.txt", lines, "-n", "12")
    assert files_of(found) == (
        [("", "/work/alice/sim_%{ProcId}.txt"), ("in.rtraw", "/d1/in.rtraw")],
        [("r_%{ProcId}.dst", "/besfs/run1/r_%{ProcId}.dst")],
    )
    assert found.spec.arguments == ("sim_%{ProcId}.txt",)
    assert len(found.texts) == 12
    expected = ("KKMC.A = 1;", reads("in.rtraw"), writes("r_11.dst"), "KKMC.Seed = 11;")
    assert found.texts["/work/alice/sim_11.txt"] == "\n".join(expected).encode()


def test_the_number_twice() -> None:
    lines = [(writes(f"/besfs/{proc}/r_{proc}.dst"),) for proc in range(3)]
    _, [output] = files_of(many("sim_%{ProcId}.txt", lines))
    assert output == ("r_%{ProcId}.dst", "/besfs/%{ProcId}/r_%{ProcId}.dst")


def test_the_index_counts_from_first() -> None:
    files = {
        f"/work/alice/sim_{index}.txt": option_file(writes(f"/besfs/r_{index}.dst"))
        for index in (7, 8)
    }
    spec = make_spec("sim_%{Index}.txt", "-first", "7", "-n", "2")
    found = travelling(spec, files, job_values(2, 7, ()), CWD)
    assert found.spec.outputs == (FileRequest(name="r_%{Index}.dst", url="/besfs/r_%{Index}.dst"),)


@pytest.mark.parametrize(
    "lines",
    [
        [(writes("/a.dst"),), (writes("/b.dst"),)],
        [(writes("/r_00.dst"),), (writes("/r_01.dst"),), (writes("/r_2.dst"),)],
        [(reads("/a"), writes("/r_0")), (reads("/a", "/b"), writes("/r_1"))],
    ],
)
def test_what_no_number_tells(lines: Sequence[tuple[str, ...]]) -> None:
    with pytest.raises(NotExpressible):
        many("sim_%{ProcId}.txt", lines)


def test_zeros_in_front_stay() -> None:
    """`r_00`, `r_01`: all that differs is the last digit, which is the number."""
    lines = [(writes(f"/r_0{proc}.dst"),) for proc in range(3)]
    _, [output] = files_of(many("sim_%{ProcId}.txt", lines))
    assert output == ("r_0%{ProcId}.dst", "/r_0%{ProcId}.dst")


def test_many_jobs_of_one_file() -> None:
    """Away they are refused, unless the user tells the outputs apart; at home it is said."""
    files = {"/work/alice/sim.txt": option_file(writes("/besfs/r.dst"))}
    with pytest.raises(OutputConflict) as caught:
        travelling(make_spec("sim.txt", "-n", "2"), files, job_values(2, 0, ()), CWD)
    assert caught.value.message == (
        "all 2 jobs run the same job options, and would write /besfs/r.dst"
    )
    spec = make_spec("sim.txt", "-n", "2", "-out", "r.dst=/besfs/r_%{ProcId}.dst")
    assert travelling(spec, files, job_values(2, 0, ()), CWD).spec.outputs == spec.outputs
    spec = make_spec("sim.txt", "-n", "2", "-out", "r_%{ProcId}.dst=/besfs/r.dst")
    with pytest.raises(NotExpressible):
        travelling(spec, files, job_values(2, 0, ()), CWD)
    [note] = same_outputs_note(files, 2)
    assert note.startswith("all 2 jobs run the same job options, with the same random numbers")
    assert same_outputs_note(files, 1) == ()


def test_at_home_nothing_changes_but_the_program() -> None:
    spec = make_spec("sim_%{ProcId}.txt", "-argu", "x")
    assert at_home(spec, CWD).arguments == ("/work/alice/sim_%{ProcId}.txt", "x")
    assert not at_home(spec, CWD).is_staged
