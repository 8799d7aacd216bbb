"""hep_auth as its users call it: a KDC, a provider and an agent that are real, and troubles that are, too."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.users import Account

if TYPE_CHECKING:
    from tests.testbed.agent import Agent

pytestmark = pytest.mark.usefixtures("host_program")

POLICY = """
[defaults]
pool = "here"
[credential.iam]
issuer = "{issuer}"
audience = "{audience}"
[site.far]
requirements = "true"
credentials = [{needs}]
"""
NONE = {"XDG_RUNTIME_DIR": "/nonexistent"}


class Prompt:
    """Alice at a prompt, with a policy and variables of her own."""

    def __init__(
        self, account: Account, openid: OpenId | None, *needs: str, audience: str = ""
    ) -> None:
        self.account = account
        self.environment = {"TMPDIR": str(account.home), **NONE}
        if openid is not None:
            self.environment |= openid.environment
        names = ", ".join(f'"{name}"' for name in needs)
        issuer = openid.issuer if openid else ""
        text = POLICY.format(issuer=issuer, audience=audience, needs=names)
        place = account.home / ".config" / "hepsub"
        account.run(["mkdir", "-p", str(place)])
        account.run(["tee", str(place / "config.toml")], input=text)

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        argv = [str(self.account.bin / "hep_auth"), *words]
        return self.account.run(argv, env=self.environment | more, timeout=60)

    def row(self, name: str) -> tuple[int, dict[str, Any]]:
        """The exit code of `hep_auth -json`, and the row of a credential."""
        done = self.run("-json")
        rows = json.loads(done.stdout)["result"]["credentials"]
        return done.returncode, next(row for row in rows if row["name"] == name)


@pytest.fixture
def agent(openid: OpenId, host_alice: Account) -> Iterator[Agent]:
    """An agent of hepalice with an account of alice."""
    found = openid.agent(host_alice)
    yield found
    host_alice.run(["kill", "-KILL", found.environment["OIDCD_PID"]])


def at_terminal(prompt: Prompt, words: tuple[str, ...], answers: dict[str, str]) -> tuple[int, str]:
    """Run hep_auth at a terminal, answer what it asks; the exit code and all that it said."""
    master, slave = pty.openpty()
    child = prompt.account.popen(
        [prompt.account.bin / "hep_auth", *words],
        env=prompt.environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    said, end = "", time.monotonic() + 60
    try:
        while child.poll() is None or select.select([master], [], [], 0.1)[0]:
            assert time.monotonic() < end, said
            if select.select([master], [], [], 0.1)[0]:
                try:
                    said += os.read(master, 4096).decode(errors="replace")
                except OSError:
                    break
            for question in [each for each in answers if re.search(each, said)]:
                os.write(master, f"{answers.pop(question)}\n".encode())
    finally:
        child.wait(timeout=30)
        os.close(master)
    return child.returncode, said


def test_from_nothing_to_a_ticket(kdc: Kdc, host_alice: Account) -> None:
    prompt = Prompt(host_alice, None, "krb")
    prompt.environment |= kdc.cache(host_alice).environment
    kdc.principal("hepalice")
    code, row = prompt.row("krb")
    assert (code, row["good"], row["next_command"]) == (54, False, "hep_auth login krb")
    told = prompt.run("login")
    assert (told.returncode, told.stdout.splitlines()[1]) == (54, "  kinit -r 30d")
    answers = {"Password for hepalice": kdc.passwords["hepalice"]}
    code, said = at_terminal(prompt, ("login", "-krb"), answers)
    assert code == 0, said
    assert "krb: hepalice@TEST.HEP, valid until " in said
    code, row = prompt.row("krb")
    assert (code, row["good"], row["who"]) == (0, True, "hepalice@TEST.HEP")
    assert row["needed_by"] == ["site far"]
    assert row["expires"] > time.time()
    assert prompt.run().returncode == 0


def test_a_ticket_that_has_ended(kdc: Kdc, host_alice: Account) -> None:
    prompt = Prompt(host_alice, None, "krb")
    prompt.environment |= kdc.kinit(host_alice, life_s=1, renewable_s=1).environment
    time.sleep(2)
    done = prompt.run()
    assert done.returncode == 55
    assert "your Kerberos ticket (hepalice@TEST.HEP) ended at " in done.stderr
    assert "kinit" in done.stderr


def test_a_token_of_the_agent(agent: Agent, openid: OpenId, host_alice: Account) -> None:
    prompt = Prompt(host_alice, openid, "iam")
    prompt.environment |= agent.environment
    code, row = prompt.row("iam")
    assert (code, row["good"]) == (0, True), row
    assert row["who"].startswith("alice at ")
    done = prompt.run("token")
    assert re.fullmatch(r"eyJ[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout), done.stderr
    assert done.stderr == ""
    other = prompt.run("token", "-aud", "https://storage.test.hep").stdout
    assert other != done.stdout
    found = prompt.run("token", BEARER_TOKEN=done.stdout.strip()).stdout
    assert found == done.stdout


def test_each_trouble_of_the_agent_has_its_code_and_its_command(
    agent: Agent, openid: OpenId, host_alice: Account
) -> None:
    prompt = Prompt(host_alice, openid, "iam")
    done = prompt.run("login")
    assert done.returncode == 56
    assert done.stdout.splitlines()[1:] == [
        "  eval $(oidc-agent-service use)",
        "  hep_auth login iam",
    ]
    prompt.environment |= agent.environment
    agent.unload()
    done = prompt.run("login")
    assert (done.returncode, done.stdout.splitlines()[1]) == (56, "  oidc-add iam")
    agent.load()
    agent.lock()
    done = prompt.run()
    assert done.returncode == 56
    assert "locked" in done.stderr
    agent.unlock()
    assert prompt.run().returncode == 0


def test_a_provider_that_is_down_or_hangs_is_a_row_in_time(
    agent: Agent, openid: OpenId, host_alice: Account
) -> None:
    # A token for an audience is never one that the agent has still got.
    prompt = Prompt(host_alice, openid, "iam", audience="https://storage.test.hep")
    prompt.environment |= agent.environment
    openid.stop()
    try:
        code, row = prompt.row("iam")
        assert (code, row["problem"]["code"]) == (58, "provider-unreachable"), row
    finally:
        openid.start()
    openid.freeze()
    try:
        begun = time.monotonic()
        code, row = prompt.row("iam")
        assert time.monotonic() - begun < 15
        assert (code, row["problem"]["code"]) == (58, "provider-unreachable"), row
        assert "Traceback" not in prompt.run().stderr
    finally:
        openid.thaw()
