"""What a job can reach on the submit side while it runs: its bundle and its logs, and nothing else."""

import json
import os
from pathlib import Path

import pytest

from tests.pool.shell import END, PYTHON
from tests.staging.desk import Desk, codes
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor, pytest.mark.s3]

CLIENT = """
import json, os, socket, sys
place = os.environ.get("_CONDOR_CHIRP_CONFIG", ".chirp.config")
host, port, cookie = open(place).read().split()

def getfile(path):
    # 10 in condor.md: a size and so many bytes, or a negative number
    with socket.create_connection((host, int(port)), 20) as connection:
        stream = connection.makefile("rwb")
        stream.write(f"cookie {cookie}\\n".encode())
        stream.flush()
        assert int(stream.readline()) == 0
        stream.write(f"getfile {path}\\n".encode())
        stream.flush()
        size = int(stream.readline())
        return stream.read(size).decode() if size >= 0 else size

answers = [getfile(path) for path in sys.argv[1:]]
json.dump(answers, open("answers.json", "w"))
"""


def test_a_job_reads_its_manifest_but_not_the_home(desk: Desk, remote_site: RemoteSite) -> None:
    """By chirp, at home and at the glidein: the home, the keys and .. are denied, a file of the bundle is not."""
    user = desk.shell
    user.script("job.py", CLIENT, shell=PYTHON)
    secret = user.account.home / "private.txt"
    secret.write_text("private")
    os.chown(secret, user.account.uid, user.account.gid)
    asked = (
        str(secret),
        str(user.account.home / ".aws/credentials"),
        str(user.account.home / ".condor/tokens.d/pool"),
        str(desk.bundles / "../../../../private.txt"),
        "/etc/passwd",
    )
    done = {}
    for where, words in {"home": (), "away": ("-site", "dongguan")}.items():
        done[where] = desk.submit(
            *("job.py", *words, "-out", f"answers.json=herd:out/{where}.json", "-argu", *asked)
        )
    ads = user.all_ended({each["cluster"]: 1 for each in done.values()})
    for where, each in done.items():
        assert codes(ads[each["cluster"]]) == [0], user.text(f"job.py.err.{each['cluster']}.0")
        answers = json.loads(desk.text(f"{where}.json"))
        assert all(isinstance(answer, int) and answer < 0 for answer in answers), answers


@pytest.mark.parametrize(
    ("words", "read"), [((), False), (("-site", "dongguan"), True)], ids=["home", "away"]
)
def test_a_jobs_own_manifest_is_readable_by_chirp_only_far_away(
    desk: Desk, remote_site: RemoteSite, words: tuple[str, ...], read: bool
) -> None:
    """The other half of the limit: what the wrapper asks for again is not denied; at home it needs no chirp."""
    user = desk.shell
    user.script("job.py", CLIENT.replace("sys.argv[1:]", OWN_MANIFEST), shell=PYTHON)
    done = desk.submit("job.py", "-out", "answers.json=herd:out/own.json", *words)
    assert codes(user.ended(done["cluster"])) == [0], user.text(f"job.py.err.{done['cluster']}.0")
    [answer] = json.loads(desk.text("own.json"))
    if read:
        assert answer.startswith("hepsub-manifest\t1\t")
    else:
        assert answer < 0


OWN_MANIFEST = """[
    line.split('"')[1].split(",")[0]
    for line in open(os.environ["_CONDOR_JOB_AD"]) if line.startswith("TransferInput = ")
]"""


@pytest.mark.parametrize("words", [(), ("-site", "dongguan")], ids=["home", "away"])
def test_a_manifest_rewritten_while_the_job_runs_is_used(
    desk: Desk, remote_site: RemoteSite, words: tuple[str, ...]
) -> None:
    """The URL of the output is exchanged for one of another key, and the object is found there."""
    user = desk.shell
    user.script("job.sh", "echo result > r; sleep 4")
    done = desk.submit("job.sh", "-out", "r=herd:out/first", *words)
    user.wait_for_state(2, done["cluster"])
    file = desk.bundles / done["uuid"] / "job/0/hepsub.manifest"
    exchange(file, desk)
    assert codes(user.ended(done["cluster"], timeout=END)) == [0]
    assert desk.stored() == {"second"}
    assert desk.text("second") == "result\n"
    assert list(desk.markers(done["uuid"])) == [0]
    assert desk.report(done["uuid"], 0)["chirp"] is True


def exchange(file: Path, desk: Desk) -> None:
    """Write a manifest anew, whole, with another key for the output."""
    url = desk.server.client().generate_presigned_url(
        "put_object", Params={"Bucket": "out", "Key": "second"}, ExpiresIn=600
    )
    lines = [
        f"output\tr\t-\t{url}" if line.startswith("output\t") else line
        for line in file.read_text().splitlines()
    ]
    assert any(line.endswith(url) for line in lines)
    new = file.with_name("new")
    new.write_text("".join(f"{line}\n" for line in lines))
    new.chmod(0o600)
    os.chown(new, file.stat().st_uid, file.stat().st_gid)
    new.replace(file)
