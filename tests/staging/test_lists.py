"""Lists from stdin and from S3, and their shares by size, on the real stores."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.pool.shell import Shell
from tests.staging.desk import HASTE, Desk, codes, sit_down
from tests.staging.test_refusals import MISSING, nothing_happened
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

USAGE, LIST = 2, 16
MANY = 1100
"""More than a page of a listing holds."""

Proxied = Callable[[S3Server], FaultProxy]


def inputs(shown: dict[str, Any]) -> list[list[str]]:
    """The names of the inputs, job by job, as -dry-run shows them."""
    return [[each["name"] for each in proc["inputs"]] for proc in shown["procs"]]


def piped(desk: Desk, items: str, *words: str) -> dict[str, Any]:
    """Pipe a list into hep_sub, which has to succeed; its result."""
    user = desk.shell
    environment = {**HASTE, "HEPSUB_CONFIG": str(user.policy)}
    done = user.start(
        ["hep_sub", "-json", *words], env=environment, cwd=user.work, timeout=60, input=items
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    return result


def test_a_directory_shared_by_size(each_desk: Desk) -> None:
    """`-list s3://raw/2026/*.dat -per 1kB`: in the order of the keys, the large one alone, and all of it arrives."""
    desk, user = each_desk, each_desk.shell
    sizes = {"c_3": 2000, "a_1": 600, "b +é": 424, "d_4": 1, "e_5": 1023, "f_6": 1}
    for name, size in sizes.items():
        desk.put(f"2026/{name}.dat", bytes(size))
    desk.put("2026/notes.txt", "no")
    desk.put("2026/deep/g_7.dat", "no")
    desk.put("2025/h_8.dat", "no")
    user.script("job.sh", "wc -c *.dat > r; cat items.txt >> r")
    words = ("job.sh", "-list", "s3://raw/2026/*.dat", "-per", "1kB", "-in", "%{items}")
    done = desk.submit(*words, "-out", "r=herd:out/%{ProcId}")
    shares = (("a_1", "b +é"), ("c_3",), ("d_4", "e_5"), ("f_6",))
    assert done["jobs"] == len(shares)
    assert codes(user.ended(done["cluster"], len(shares))) == [0] * len(shares)
    for proc, names in enumerate(shares):
        lines = [" ".join(line.split()) for line in desk.text(str(proc)).splitlines()]
        counted = [f"{sizes[name]} {name}.dat" for name in names]
        total = [f"{sum(sizes[name] for name in names)} total"] if len(names) > 1 else []
        items = [f"s3://raw/2026/{name}.dat" for name in names]
        assert lines == [*counted, *total, *items]
    assert sorted(desk.markers(done["uuid"])) == [0, 1, 2, 3]


def test_the_outputs_of_one_cluster_are_the_list_of_the_next(each_desk: Desk) -> None:
    """`-list herd:out/first/`: the markers beside the outputs are no items."""
    desk, user = each_desk, each_desk.shell
    user.script("job.sh", "echo $1 > r")
    words = ("job.sh", "-n", "2", "-argu", "%{ProcId}", "-out", "r=herd:out/first/%{ProcId}/r")
    first = desk.submit(*words)
    assert codes(user.ended(first["cluster"], 2)) == [0, 0]
    assert len(desk.markers(first["uuid"])) == 2
    shown = user.result(
        "hep_sub", "job.sh", "-list", "herd:out/first/", "-argu", "%{item}", "-dry-run"
    )
    assert [proc["arguments"] for proc in shown["procs"]] == [
        ["herd:out/first/0/r"],
        ["herd:out/first/1/r"],
    ]


def test_stdin(each_desk: Desk) -> None:
    """`… | hep_sub -list -` submits, and -dry-run reads it as well."""
    desk, user = each_desk, each_desk.shell
    for name in ("a", "b", "c"):
        desk.put(f"{name}.dat", name * 600)
    user.script("job.sh", "while read -r item; do cat ${item##*/}; done <items.txt > r")
    items = "s3://raw/b.dat\n# no\n\ns3://raw/a.dat\r\nherd:raw/c.dat"
    words = (
        "job.sh",
        "-list",
        "-",
        "-per",
        "1200B",
        "-in",
        "%{items}",
        "-out",
        "r=herd:out/%{ProcId}",
    )
    shown = piped(desk, items, *words, "-dry-run")
    assert inputs(shown) == [["b.dat", "a.dat"], ["c.dat"]]
    assert nothing_happened(desk)
    done = piped(desk, items, *words)
    assert codes(user.ended(done["cluster"], 2)) == [0, 0]
    assert (desk.text("0"), desk.text("1")) == ("b" * 600 + "a" * 600, "c" * 600)


def test_stdin_that_is_a_terminal_or_empty(desk: Desk) -> None:
    """Nobody waits for a list that does not come: exit code 16 says what to do."""
    user = desk.shell
    user.script("job.sh", "true")
    done = user("script", "-qec", "hep_sub -list - job.sh", "/dev/null", timeout=30)
    assert done.returncode == LIST
    assert "stdin is a terminal" in done.stdout
    assert "stdin holds no item" in user.refused(LIST, "-list", "-", "job.sh")
    assert nothing_happened(desk)


def test_prefixes_of_no_use(each_desk: Desk) -> None:
    """An empty directory, one with its marker alone, a pattern without a match, no such bucket: each is named."""
    desk, user = each_desk, each_desk.shell
    desk.put("2026/run_1.dat", "x")
    desk.put("empty/sub/run.dat", "x")
    user.script("job.sh", "true")
    for code, text, reason in (
        (LIST, "s3://raw/2024/", "s3://raw/2024/ holds no item"),
        (LIST, "s3://raw/empty/*", "s3://raw/empty/* holds no item"),
        (LIST, "s3://raw/2026/*.root", "s3://raw/2026/*.root holds no item"),
        (LIST, "herd:nosuch/2026/", "no bucket 'nosuch'"),
        (USAGE, "s3://raw/2026", "one object, not a directory"),
    ):
        assert reason in user.refused(code, "-list", text, "job.sh"), text
    assert nothing_happened(desk)
    shown = user.result(
        "hep_sub", "-list", "s3://raw/2026/run_*", "-in", "%{item}", "job.sh", "-dry-run"
    )
    assert inputs(shown) == [["run_1.dat"]]


def test_a_directory_marker_is_no_item(user: Shell, ceph_rgw: S3Server) -> None:
    """An object `2026/` of no bytes, as file browsers make them (rclone's store refuses to keep one)."""
    desk = sit_down(user, ceph_rgw)
    desk.put("2026/", b"")
    desk.put("2026/sub/", b"")
    desk.put("2026/run.dat", "x")
    user.script("job.sh", "true")
    shown = user.result(
        "hep_sub", "-list", "s3://raw/2026/", "-in", "%{item}", "job.sh", "-dry-run"
    )
    assert inputs(shown) == [["run.dat"]]


def test_missing_items_are_named_all_at_once(each_desk: Desk) -> None:
    """-per K and -per SIZE: of 60 items in S3 and one on disk all 3 that are missing; nothing is submitted."""
    desk, user = each_desk, each_desk.shell
    names = [f"d/{number}.dat" for number in range(60)]
    for name in set(names) - {"d/3.dat", "d/58.dat"}:
        desk.put(name, "x")
    user.account.write("l", "\n".join([*(f"s3://raw/{name}" for name in names), "no/such.txt"]))
    user.script("job.sh", "true")
    for per in ("20", "1kB"):
        said = user.refused(MISSING, "job.sh", "-list", "l", "-per", per, "-in", "%{items}")
        assert "3 input(s) do not exist" in said
        for name in ("herd:raw/d/3.dat", "herd:raw/d/58.dat", f"{user.work}/no/such.txt"):
            assert name in said
    assert nothing_happened(desk)


def test_items_without_a_size(desk: Desk) -> None:
    """Run numbers cannot be weighed, and -per 2GB says so."""
    user = desk.shell
    user.account.write("l", "4711\n4712\n")
    user.script("job.sh", "true")
    said = user.refused(USAGE, "job.sh", "-list", "l", "-per", "2GB", "-argu", "%{item}")
    assert "the item '4711' has none" in said
    assert "-per K counts items" in said


def test_a_thousand_objects_and_more_are_listed_once(
    user: Shell, s3_server: S3Server, fault_proxy: Proxied
) -> None:
    """All pages of one listing, in order; it serves the items, their sizes and the inputs: no other request."""
    proxy = fault_proxy(s3_server)
    desk = sit_down(user, proxy.server)
    direct = s3_server.client()
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda number: direct.put_object(
                    Bucket="raw", Key=f"m/{number}.dat", Body=b"12345"
                ),
                range(MANY),
            )
        )
    user.script("job.sh", "true")
    before = len(proxy.requests())
    words = ("job.sh", "-list", "s3://raw/m/", "-per", "50B", "-in", "%{items}", "-dry-run")
    shown = user.result("hep_sub", *words, timeout=110)
    assert shown["jobs"] == MANY // 10
    names = sorted(f"{number}.dat" for number in range(MANY))
    assert inputs(shown) == [names[begin : begin + 10] for begin in range(0, 100, 10)]
    asked = [(request.method, request.path) for request in proxy.requests()[before:]]
    assert len(asked) == 2, asked
    assert {method for method, _ in asked} == {"GET"}
    assert nothing_happened(desk)


def test_the_columns_of_a_csv_name_what_travels(each_desk: Desk) -> None:
    """-columns header, two lines a job: objects come by one column, the output goes by another, items.txt is whole."""
    desk, user = each_desk, each_desk.shell
    for name in ("a b", "c", "d"):
        desk.put(f"2026/{name}.dat", f"{name}\n")
    rows = [f'{run},"s3://raw/2026/{name}.dat"' for run, name in ((1, "a b"), (1, "c"), (2, "d"))]
    user.account.write("runs.csv", "run,file\n" + "\n".join(rows) + "\n")
    user.script("job.sh", 'echo "$RUN" > r; cat "$@" items.txt >> r')
    words = (
        "job.sh",
        "-list",
        "runs.csv",
        "-columns",
        "header",
        "-per",
        "2",
        "-in",
        "%{items.file}",
    )
    more = ("-argu", "%{items.file.name}", "-env", "RUN=%{item.run}")
    done = desk.submit(*words, "-out", "r=herd:out/%{item.run}/%{item.file.stem}", *more)
    assert codes(user.ended(done["cluster"], 2)) == [0, 0]
    assert desk.text("1/a b") == f"1\na b\nc\n{rows[0]}\n{rows[1]}\n"
    assert desk.text("2/d") == f"2\nd\n{rows[2]}\n"
