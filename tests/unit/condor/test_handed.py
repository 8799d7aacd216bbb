"""Where the ads of another schedd say that files go."""

from pathlib import Path

import pytest

from hepsub.condor.handed import check_places
from hepsub.confine import Writable
from hepsub.errors import PoolError

CORNER = "/bundles/u-1/job/0"
WRITABLE = Writable(directories=(Path(CORNER),), files=(Path("/work/job.out"), Path("/work/log")))
AD = {
    "ClusterId": 3,
    "ProcId": 0,
    "Iwd": "/spool/3/0",
    "SUBMIT_Iwd": CORNER,
    "TransferOutputRemaps": None,
    "SUBMIT_TransferOutputRemaps": "_condor_stdout=/work/job.out;_condor_stderr=/dev/null",
    "UserLog": "/spool/3/0/log",
    "SUBMIT_UserLog": "/work/log",
}


def test_what_hepsub_has_asked_for_is_right() -> None:
    """The corner, the logs, and what is below the corner."""
    check_places([AD, AD | {"SUBMIT_TransferOutputRemaps": "a=home.0/a;;b"}], WRITABLE, "far")
    check_places([], WRITABLE, "far")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SUBMIT_Iwd", "/home/alice", "/home/alice"),
        ("SUBMIT_Iwd", "/bundles/u-1/job/00", "/bundles/u-1/job/00"),
        ("SUBMIT_Iwd", f"{CORNER}/../../private", "/bundles/u-1/private"),
        ("SUBMIT_Iwd", None, "/spool/3/0"),
        ("SUBMIT_Iwd", 7, "/spool/3/0"),
        ("SUBMIT_TransferOutputRemaps", "a=b;evil=/home/alice/.bashrc", "/home/alice/.bashrc"),
        ("SUBMIT_TransferOutputRemaps", "evil = ../../../../home/.bashrc", "/home/.bashrc"),
        ("SUBMIT_TransferOutputRemaps", "a=/x\x1b[2J", r"/x\x1b[2J"),
        ("SUBMIT_UserLog", "/home/alice/.profile", "/home/alice/.profile"),
        ("SUBMIT_UserLog", "/work/logs", "/work/logs"),
    ],
)
def test_any_other_place_is_refused(name: str, value: object, said: str) -> None:
    """By whatever attribute it is meant, and of whatever type; what is said moves no cursor."""
    with pytest.raises(PoolError) as refused:
        check_places([AD, AD | {name: value}], WRITABLE, "far")
    assert f"wants {said} written for job 3.0" in refused.value.message
