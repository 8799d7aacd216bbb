"""In a container image that has next to nothing, a running job still gets the newer ticket and token by chirp."""

import base64
import json
import time

import pytest

from hepsub.auth.ccache import read_ccache
from tests.pool.shell import Shell
from tests.staging.desk import HASTE, codes
from tests.testbed.image import bare_image
from tests.testbed.kdc import REALM, Kdc
from tests.worker.credentials import token

pytestmark = [pytest.mark.condor]

POLICY = """
[credential.tok]
command = ["cat", "{token}"]
"""
JOB = r"""
for name in python3 kinit klist curl condor_chirp; do command -v $name && echo "there is $name"; done
ls -d /usr/libexec/condor/* /usr/lib/condor/* "$HOME" 2>/dev/null
cache=${KRB5CCNAME#FILE:}
cp "$cache" first.cc; cp "$BEARER_TOKEN_FILE" first.token
tries=300
while cmp -s "$cache" first.cc || cmp -s "$BEARER_TOKEN_FILE" first.token; do
    [ $tries -gt 0 ] || break
    tries=$((tries - 1)); sleep 0.3
done
rm first.cc first.token
echo "ticket $(base64 -w0 <"$cache")"
echo "token $(cat "$BEARER_TOKEN_FILE")"
"""
FIRST_S, SECOND_S = 40, 7200


def renewed(user: Shell, own: dict[str, str]) -> bool:
    """One round of hep_auth renew: whether it has brought both; a token is asked for when it is due."""
    said = user.ok("hep_auth", "renew", "-json", env=own)
    known = json.loads(said)["result"]["credentials"]
    return all(known[name]["expires"] > time.time() + SECOND_S / 2 for name in ("krb", "tok"))


def test_newer_ones_reach_a_job_in_a_bare_image(user: Shell, kdc: Kdc) -> None:
    """Without condor_chirp, Python, curl or Kerberos in the image: bash alone speaks with HTCondor."""
    account = user.account
    image = bare_image(user.pool, user.work)
    mine = account.write("token", token(FIRST_S), mode=0o600)
    user.policy.write_text(user.policy.read_text() + POLICY.format(token=mine))
    kdc.kinit(account, life_s=FIRST_S, renewable_s=FIRST_S)
    own = {**kdc.cache(account).environment, **HASTE}
    user.script("job.sh", JOB)
    words = ("job.sh", "-image", image, "-cred", "krb", "-cred", "tok")
    cluster = user.result("hep_sub", *words, env=own)["cluster"]
    user.wait_for_state(2, cluster)
    newer = token(SECOND_S)
    mine.write_text(newer)
    kdc.kinit(account, life_s=SECOND_S, renewable_s=SECOND_S)
    user.pool.wait_for(lambda: renewed(user, own), 60, "the renewal of both")
    assert codes(user.ended(cluster, timeout=120)) == [0], user.text(f"job.sh.err.{cluster}.0")
    *found, ticket, shown = user.text(f"job.sh.out.{cluster}.0").splitlines()
    assert found == [], "the image has more than it should"
    now = read_ccache(kdc.cache(account).path.read_bytes())
    got = read_ccache(base64.b64decode(ticket.removeprefix("ticket ")))
    assert (got.principal, got.expires) == (f"hepalice@{REALM}", now.expires)
    assert shown == f"token {newer}"
