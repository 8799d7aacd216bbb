"""Tickets, tokens and keys from a token: another user finds nothing of them, wherever that user looks."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.auth.chain import LOOK, Chain, make_chain
from tests.pool.shell import Shell, long_ads
from tests.staging.desk import SECRET_WORDS, codes
from tests.staging.test_secrets import (
    WAITS,
    Watcher,
    bobs_view,
    files_with,
    found_in,
    readable_by,
)
from tests.testbed.faults import Slow
from tests.testbed.kdc import REALM, Kdc
from tests.testbed.openid import OpenId
from tests.testbed.proxy import FaultProxy
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server
from tests.testbed.sandbox import Sandbox
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

Proxied = Callable[[S3Server], FaultProxy]
ANY_TOKEN = "eyJ"
CCACHE = b"\x05\x04"
PLACES = ("/tmp", "/var/tmp", "/var/lib/condor", "/var/log/condor", "/run")


@pytest.fixture
def chain(
    user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity, fault_proxy: Proxied
) -> Chain:
    """Give hepalice a ticket, an agent and keys from its token; transfers take a second or two."""
    proxy = fault_proxy(ceph_sts.server)
    proxy.inject(Slow(250_000), method="PUT", path="/out/")
    chain = make_chain(user, kdc, openid, replace(ceph_sts, server=proxy.server), session_s=900)
    openid.lives_s(access=600)
    chain.kinit(600, 3600)
    return chain


def test_another_user_finds_no_secret(chain: Chain, other: Shell, remote_site: RemoteSite) -> None:
    """At home and far away, while the jobs wait, run and are renewed, and afterwards."""
    shell = chain.shell
    chain.kdc.join(remote_site.sandbox)
    shell.script(
        "job.sh",
        f"{LOOK}\nlook now; head -c 300000 /dev/zero > r; env; ls -la; {WAITS}",
    )
    line = ("job.sh", "-cred", "krb", "-cred", "iam", "-l", "events.log", "-n", "2")
    outputs = ("-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")
    since = int(time.time()) - 1
    generic = (*SECRET_WORDS, ANY_TOKEN)
    with Watcher(generic) as watcher:
        home = chain.submit(*line, *outputs)
        away = chain.submit(*line, *outputs, "-site", "dongguan")
        shell.wait_for_state(2, home["cluster"])
        secrets = bundle_secrets(chain, home, away)
        watcher.words += [word.encode() for word in secrets]
        chain.renew()
        words = (*(secrets | bundle_secrets(chain, home, away) | keys_of(chain)),)
        seen_running = bobs_view(other)
        open_running = open_files(chain, other, since)
        (shell.work / "go").touch()
        ads = shell.all_ended({home["cluster"]: 2, away["cluster"]: 2}, 120)
    assert {cluster: codes(each) for cluster, each in ads.items()} == {
        home["cluster"]: [0, 0],
        away["cluster"]: [0, 0],
    }
    for submitted in (home, away):
        said = shell.text(f"job.sh.out.{submitted['cluster']}.0")
        assert said.startswith("now ticket=good token=good\n"), said[:200]
    assert {b"curl", b"kinit"} & watcher.seen, f"nothing was seen at work: {sorted(watcher.seen)}"
    assert watcher.found == set(), f"command lines with a secret: {sorted(watcher.found)}"

    texts = {
        "the queue as bob sees it": seen_running,
        "the history as bob sees it": bobs_view(other),
        "all ads": long_ads(shell.pool, since),
        "the daemons' logs": logs(shell.pool.sandbox),
        "the daemons' logs at the site": logs(remote_site.sandbox),
    }
    assert all(str(home["cluster"]) in texts[name] for name in list(texts)[:3])
    found = found_in(texts, (*generic, *words))
    assert found == [], "\n".join(found)

    assert {"job.sh", "events.log"} <= {path.name for path in open_running}, "nothing was searched"
    for files in (open_running, open_files(chain, other, since)):
        there = [path for path in files if path.exists()]
        assert files_with(words, there) == []
        assert caches_among(there) == []
    private = chain.desk.bundles / home["uuid"]
    assert caches_among([private / f"private/creds/krb5cc_{shell.account.uid}"]), (
        "no cache would be found"
    )
    brought = [path for path in chain.desk.bundles.glob("*/job/*/home.*/**/*") if path.is_file()]
    own = [path for path in shell.work.rglob("*") if path.is_file()]
    assert len(brought) >= 4
    assert files_with((*generic, *words), [*brought, *own]) == []
    assert caches_among([*brought, *own]) == []

    for box in (shell.pool.sandbox, remote_site.sandbox):
        assert left_at(box, words) == []
    chain.renew()
    kept = [path for path in chain.desk.bundles.rglob("*") if path.is_file()]
    assert files_with((*generic, *words), kept) == []
    assert caches_among(kept) == []


def bundle_secrets(chain: Chain, *submissions: dict[str, object]) -> set[str]:
    """What lies in bundles: tokens and their signatures, keys and session tokens of signed URLs."""
    found: set[str] = set()
    for each in submissions:
        bundle = chain.desk.bundles / str(each["uuid"])
        token = (bundle / "private/creds/iam.token").read_text().strip()
        assert token.startswith(ANY_TOKEN)
        found |= {token, *token.split(".")[1:]}
        manifest = (bundle / "job/0/hepsub.manifest").read_text()
        query = manifest.partition("X-Amz-Security-Token=")[2].partition("&")[0].split()[0]
        assert len(query) > 40, "the keys are no session's"
        found |= {query, unquote(query), query[8:40]}
        found.add(manifest.partition("X-Amz-Credential=")[2].partition("%2F")[0])
    assert all(len(word) > 10 for word in found), sorted(found, key=len)[:3]
    return found


def keys_of(chain: Chain) -> set[str]:
    """Keys as hep_auth s3 -process gives them: secret key and session token."""
    text = chain.shell.ok("hep_auth", "s3", "-process", "herd", env=chain.environment)
    keys = json.loads(text)
    return {keys["SecretAccessKey"], keys["SessionToken"]}


def open_files(chain: Chain, other: Shell, since: float) -> list[Path]:
    """New files that bob can read: in alice's home and, on the pool's machine, where jobs and daemons work."""
    pool = chain.shell.pool
    words = ["find", *PLACES, "-type", "f", "-readable", "-newermt", f"@{since}"]
    listed = pool.run(words, user="hepbob", check=False).stdout.splitlines()
    inside = [pool.sandbox.path(line) for line in listed]
    return [*readable_by(other, chain.shell.account.home), *inside]


def caches_among(files: list[Path]) -> list[Path]:
    """The files that hold a credential cache of the realm, whatever their names are."""
    found = []
    for path in files:
        content = path.read_bytes()
        if CCACHE in content and b"krbtgt" in content and REALM.encode() in content:
            found.append(path)
    return found


def left_at(box: Sandbox, words: tuple[str, ...]) -> list[str]:
    """Files below execute directories that still hold something, after the jobs."""
    listed = box.run(["find", "/var/lib/condor/execute", "-type", "f"]).stdout.splitlines()
    files = [box.path(line) for line in listed]
    return [str(path) for path in (*caches_among(files), *(p for p, _ in files_with(words, files)))]


def logs(box: Sandbox) -> str:
    """The daemons' logs."""
    return box.run(["sh", "-c", "cat /var/log/condor/*"]).stdout
