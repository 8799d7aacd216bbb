"""Job options of BOSS: what kind of work they are, and the files that they name."""

from __future__ import annotations

import time

import pytest

from hepsub.plan.joboptions import (
    ANALYSIS,
    INCLUDED,
    INPUT,
    LARGEST,
    OTHER,
    OUTPUT,
    RECONSTRUCTION,
    SIMULATION,
    NamedFile,
    NotJobOptions,
    read_job_options,
)

SIMULATED = """\
#include "$KKMCROOT/share/jobOptions_KKMC.txt"
// KKMC.CMSEnergy = 1.0; "not closed
KKMC.CMSEnergy = 3.097; // GeV; here, too
/* KKMC.Old = "a";
*/
EvtDecay.userDecayTableName = "rhopi.dec";
BesRndmGenSvc.RndmSeed=100;
RealizationSvc.RunIdList = {-9989, 0, -10000};
RootCnvSvc.digiRootOutputFile
    = "/besfs/out/rhopi.rtraw" ;
ApplicationMgr.EvtMax = 50;
"""
RECONSTRUCTED = """\
EventCnvSvc.digiRootInputFile = {"/besfs/x.rtraw",
    // "z.rtraw",
    "y.rtraw"};
EventCnvSvc.digiRootOutputFile = "rhopi.dst";
"""
ANALYSED = """\
EventCnvSvc.digiRootInputFile = {"rhopi.dst"};
NTupleSvc.Output = { "FILE1 DATAFILE='/besfs/ana/rhopi.root' OPT='NEW' TYP='ROOT'",
                     "FILE2 datafile = 'second.root' OPT='NEW' TYP='ROOT'"};
HistogramPersistencySvc.OutputFile = "hist.root";
ApplicationMgr.EvtMax = -1;
"""


@pytest.mark.parametrize(
    ("text", "kind", "inputs", "outputs"),
    [
        (SIMULATED, SIMULATION, (), ("/besfs/out/rhopi.rtraw",)),
        (RECONSTRUCTED, RECONSTRUCTION, ("/besfs/x.rtraw", "y.rtraw"), ("rhopi.dst",)),
        (
            ANALYSED,
            ANALYSIS,
            ("rhopi.dst",),
            ("/besfs/ana/rhopi.root", "second.root", "hist.root"),
        ),
        (
            'RawDataInputSvc.InputFiles={"/d/run.raw"};WriteRec.digiRootOutputFile="r.rec";',
            RECONSTRUCTION,
            ("/d/run.raw",),
            ("r.rec",),
        ),
        (
            '#include "$BESSIMROOT/share/G4Svc_BesSim.txt"\nRootCnvSvc.digiRootOutputFile = "r";\n',
            SIMULATION,
            (),
            ("r",),
        ),
        ('RootCnvSvc.digiRootOutputFile = "r";', "", (), ("r",)),
        ("KKMC.CMSEnergy = 3.097;", "", (), ()),
        ('#include "$ROOTIOROOT/share/jobOptions_ReadRec.txt"\n', "", (), ()),
        (
            'EventCnvSvc.digiRootInputFile = {"a"};\nEventCnvSvc.digiRootInputFile += {"b", "c"};',
            ANALYSIS,
            ("a", "b", "c"),
            (),
        ),
        (
            'EventCnvSvc.digiRootInputFile = {"a"};\neventcnvsvc.digirootinputfile = {"b"};',
            ANALYSIS,
            ("b",),
            (),
        ),
        ("EventCnvSvc.digiRootInputFile = {};\nKKMC.A = 1;", "", (), ()),
        ('RootCnvSvc.X = "a//b";\r\nApplicationMgr.EvtMax=5;\r\n', "", (), ()),
        ("RootCnvSvc.X = 1.e-3*GeV;\nRootCnvSvc.Y = true;\n#units\n", "", (), ()),
        ("KKMC.A = 1;\nApplicationMgr.EvtMax = all;", "", (), ()),
        ('ApplicationMgr.DLLs += {"KKMC", "A/B"};\nKKMC.X -= {"a"};', "", (), ()),
    ],
)
def test_what_options_say(
    text: str, kind: str, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    found = read_job_options(text.encode())
    read = tuple(each.path for each in found.files if each.use == INPUT)
    assert (found.type, read, found.outputs) == (kind, inputs, outputs)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n// nothing\n",
        b"a\nb\n",
        b"echo hello\n",
        b"/run/beamOn 10\n",
        b"/besfs/a.root\n/besfs/b.root\n",
        b"KKMC.A = 1",
        b"KKMC.A = ;",
        b"KKMC.A 1;",
        b"KKMC = 1;",
        b'KKMC.A = "open;\n',
        b"KKMC.A = 1; /* open",
        b"KKMC.A = 1\nKKMC.B = 2;",
        b'KKMC.A = {\n#include "x"\n};',
        b"Sheldon.Cooper = 1;",
        b'#include "stdio.h"\nint main;\n',
        b"\0KKMC.A = 1;",
        b"KKMC.A = 1;" + b" " * LARGEST,
        b"import os\nos.path = 'x';\n",
    ],
)
def test_what_is_none(content: bytes) -> None:
    with pytest.raises(NotJobOptions):
        read_job_options(content)


def test_uses_of_files() -> None:
    found = {each.path: each.use for each in read_job_options(SIMULATED.encode()).files}
    assert found == {
        "$KKMCROOT/share/jobOptions_KKMC.txt": INCLUDED,
        "rhopi.dec": OTHER,
        "/besfs/out/rhopi.rtraw": OUTPUT,
    }
    analysed = read_job_options(ANALYSED.encode()).files
    assert [(each.use, each.optional) for each in analysed] == [
        (INPUT, False),
        (OUTPUT, False),
        (OUTPUT, False),
        (OUTPUT, True),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_only_the_names_change(encoding: str) -> None:
    """Each byte of the rest stays: comments, line ends, letters beyond ASCII, and the same path in a comment."""
    text = (
        '// für "/besfs/x.rtraw"\r\n'
        'EventCnvSvc.digiRootInputFile = { "/besfs/x.rtraw" ,"/besfs/é.rtraw" };\r\n'
        "NTupleSvc.Output = {\"FILE1 DATAFILE='/besfs/a.root' OPT='NEW'\"};\r\n"
    )
    names = {"/besfs/x.rtraw": "x", "/besfs/é.rtraw": "ö", "/besfs/a.root": "a.root"}
    read = read_job_options(text.encode(encoding))

    def name_of(file: NamedFile) -> str:
        return names[file.path]

    assert read.rewritten(lambda file: file.path) == text.encode(encoding)
    assert read.rewritten(name_of) == (
        '// für "/besfs/x.rtraw"\r\n'
        'EventCnvSvc.digiRootInputFile = { "x" ,"ö" };\r\n'
        "NTupleSvc.Output = {\"FILE1 DATAFILE='a.root' OPT='NEW'\"};\r\n"
    ).encode(encoding)


@pytest.mark.parametrize("piece", ["/*", '"', "{", "a.b=", "//\n", "#\n", "a/", "'", '"\\'])
def test_a_hostile_text_takes_no_time(piece: str) -> None:
    content = (piece * (LARGEST // len(piece))).encode()
    began = time.process_time()
    with pytest.raises(NotJobOptions):
        read_job_options(content)
    assert time.process_time() - began < 10
