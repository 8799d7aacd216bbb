"""The table of hepsub(7) on the real HTCondor: the pool at home, another schedd, a computing element."""

from subprocess import CompletedProcess

import pytest

from tests.pool.shell import Shell
from tests.pool.test_follow import FAR, HOME, KINDS, add_sites, give_token
from tests.systems import FILES, VARIABLES, answers_about, answers_to_options, told
from tests.testbed.far import FarSite
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId

pytestmark = pytest.mark.condor

NAMES = {"home": "HTCondor", "schedd": "schedd", "ce": "ce"}


@pytest.fixture
def typist(access_point: Shell, clean_far_site: FarSite, openid: OpenId, kdc: Kdc) -> Shell:
    """Give hepalice at the access point, with sites of two kinds, a token, a ticket and the files of the rows."""
    account = access_point.account
    give_token(account, clean_far_site, openid)
    add_sites(access_point.policy, account, clean_far_site)
    kdc.join(access_point.pool.sandbox)
    kdc.kinit(account, life_s=3600, renewable_s=3600)
    for name, text in FILES.items():
        account.write(name, text, mode=0o755)
    return access_point


@pytest.mark.parametrize("kind", KINDS)
def test_each_row(typist: Shell, kdc: Kdc, kind: str) -> None:
    environment = {**VARIABLES, **kdc.cache(typist.account).environment}

    def run(words: list[str]) -> CompletedProcess[str]:
        return typist(*words, env=environment)

    assert answers_to_options(run, *KINDS[kind]) == told(NAMES[kind], options=True)
    schedd = FAR if kind == "schedd" else HOME
    long, short = (
        f"{schedd}:{typist.submit(script, *KINDS[kind], env=environment)}"
        for script in ("job.sh", "short.sh")
    )
    assert answers_about(run, long, short) == told(NAMES[kind], options=False)
