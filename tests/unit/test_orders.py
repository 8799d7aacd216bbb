"""What a submission was made from: kept, found, and forgotten after some months."""

from __future__ import annotations

import stat
import zlib
from pathlib import Path

import pytest

from hepsub.documents import Malformed
from hepsub.job import FileRequest, JobSpec, Placement, Remote, Resources
from hepsub.jobid import Again
from hepsub.orders import Order, Orders

NOVEMBER = 1_700_000_000.0
ORDER = Order(
    spec=JobSpec(
        script="j\udce9.sh",
        arguments=("%{ProcId}", "é"),
        inputs=(FileRequest(name="", url="s3://raw/a"),),
        resources=Resources(memory_mb=3000),
        placement=Placement(remote=Remote.WANTED),
    ),
    cwd="/work/\udcff",
    environment={"A": "b c"},
    items=("a\udce9", "b"),
    ends=(2,),
    stdout="/work/out.%{ClusterId}",
    stderr="/dev/null",
    again=Again(uuid="u0", cluster=12, procs=(7,)),
)


def test_kept_and_found(tmp_path: Path) -> None:
    """By nobody else, whatever bytes names are made of."""
    orders = Orders(directory=tmp_path / "orders")
    orders.keep("u1", NOVEMBER, ORDER)
    found = orders.find("u1", NOVEMBER)
    assert found is not None
    assert found.hepsub
    for name in Order.__struct_fields__:
        if name != "hepsub":
            assert getattr(found, name) == getattr(ORDER, name)
    [file] = (path for path in tmp_path.rglob("*") if path.is_file())
    assert file == tmp_path / "orders/2023-11/u1.json.z"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert orders.find("u2", NOVEMBER) is None
    assert orders.find("u1", 0) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"x", zlib.compress(b"{}"), zlib.compress(b'{"format": 2}'), zlib.compress(b"[" * 99)],
)
def test_what_is_no_order(tmp_path: Path, content: bytes) -> None:
    orders = Orders(directory=tmp_path)
    orders.keep("u1", NOVEMBER, ORDER)
    (tmp_path / "2023-11/u1.json.z").write_bytes(content)
    with pytest.raises(Malformed):
        orders.find("u1", NOVEMBER)


def test_an_order_of_a_later_form(tmp_path: Path) -> None:
    orders = Orders(directory=tmp_path)
    orders.keep("u1", NOVEMBER, ORDER)
    file = tmp_path / "2023-11/u1.json.z"
    text = zlib.decompress(file.read_bytes()).replace(b'"format":1', b'"format":2')
    file.write_bytes(zlib.compress(text))
    with pytest.raises(Malformed, match="another hepsub"):
        orders.find("u1", NOVEMBER)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    orders = Orders(directory=tmp_path)
    orders.keep("u1", NOVEMBER, ORDER)
    (tmp_path / "2023-11/u2.json.z").symlink_to("u1.json.z")
    assert orders.find("u2", NOVEMBER) is None


def test_old_months_go_when_a_new_one_comes(tmp_path: Path) -> None:
    """Three months stay; what is not hepsub's own stays, too."""
    orders = Orders(directory=tmp_path)
    for month in ("2023-07", "2023-08", "2022-12"):
        (tmp_path / month).mkdir()
        (tmp_path / month / "u.json.z").write_bytes(b"")
    (tmp_path / "notes").mkdir()
    orders.keep("u1", NOVEMBER, ORDER)
    assert {path.name for path in tmp_path.iterdir()} == {"notes", "2023-08", "2023-11"}
    orders.keep("u2", NOVEMBER + 60 * 86400, ORDER)
    assert {path.name for path in tmp_path.iterdir()} == {"notes", "2023-11", "2024-01"}
