"""hep_sub -check: a line for each thing, what to type where it is not well, and an end whatever hangs."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.check import check as checking
from hepsub.actions.check.check import Checked, check
from hepsub.actions.check.effective import EffectivePolicy, Setting, effective_policy
from hepsub.actions.check.question import Line, Mark, Question, asked
from hepsub.auth.renewal import RenewalState, state_path, state_text
from hepsub.cli.commands.hep_sub import COMMAND
from hepsub.cli.output import Console, value_text
from hepsub.cli.parse import parse
from hepsub.errors import StorageRefused, StorageUnreachable, ToolFailed, UsageError
from hepsub.policy.load import merge
from hepsub.policy.model import Layer, Level
from hepsub.result import Result
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd
from tests.fakes.world import NOON
from tests.unit.actions.test_auth_status import KEYS, Source, held, session

QUIET = Console(result_now=lambda _: None, progress=lambda _: None)
HERD = "[storage.herd]\nendpoint = 'https://s3.example.org'\nbuckets = ['raw', 'out']\n"


def look(made: Session) -> tuple[dict[str, Line], Result[Checked]]:
    """The lines by what they are about."""
    result = check(made, None, write=False)
    return {line.what: line for line in result.value.lines}, result


def test_all_is_well(tmp_path: Path) -> None:
    """Each thing is told once, the pool last."""
    lines, result = look(session(tmp_path, "", Source(name="krb", own=held("krb"))))
    assert (result.exit_code, result.problems) == (0, ())
    assert {what for what, line in lines.items() if line.mark is Mark.TROUBLE} == set()
    assert lines["credential krb"].said.startswith("alice by krb, until ")
    assert lines["pool local"].said == "schedd01.example.org takes you for alice@example.org, by FS"
    assert lines["group"].said == "juno, unless -g names another"
    assert lines["bundles"].said == f"{tmp_path}/bundles"


def test_what_jobs_need_makes_the_exit_code(tmp_path: Path) -> None:
    """Only that: what nothing needs is missing, and no trouble."""
    policy = "[group.cms]\n[pool.local]\ncredentials = ['krb']\n"
    lines, result = look(session(tmp_path, policy, schedd=FakeSchedd(reachable=False), pool=""))
    assert result.exit_code == 21
    assert lines["group"].remedy == "ask for membership in one of: cms"
    assert (lines["credential krb"].mark, lines["credential krb"].remedy) == (
        Mark.TROUBLE,
        "hep_auth login krb",
    )
    assert lines["credential iam"].mark is Mark.MISSING
    assert lines["pool local"].mark is Mark.TROUBLE
    assert [each.code for each in result.problems] == [
        "no-group",
        "credential-missing",
        "pool-unreachable",
    ]


def test_expressions_of_the_policy_are_read(tmp_path: Path) -> None:
    """All of them, each with its line; a comment would change what stands behind it."""
    policy = "[site.far]\nrequirements = 'Site == \"far\"'\nrank = '1 +'\nattributes = { A = '1 // no', B = '2' }\n"
    policy += "[rule.big]\nrank = '2 +'\n[rule.all]\n[pool.other]\nworker_group = '3 +'\n"
    lines, result = look(session(tmp_path, policy))
    assert result.exit_code == 10
    assert lines["policy"].said.count("is no ClassAd expression") == 4
    for said in ("site.far.rank: '1 +'", "rule.big.rank: '2 +'", "pool.other.worker_group: '3 +'"):
        assert said in lines["policy"].said


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    locked = tmp_path / "bundles"
    locked.write_text("no directory")
    lines, result = look(session(tmp_path, ""))
    assert (lines["bundles"].said, result.exit_code) == (f"{locked} cannot be written", 36)
    locked.unlink()
    if os.geteuid():  # root may write everywhere
        tmp_path.chmod(0o500)
        lines, _ = look(session(tmp_path, ""))
        assert lines["bundles"].said == f"{locked} cannot be made in {tmp_path}"


def test_a_journal_that_cannot_be_written_ends_as_a_submission_does(tmp_path: Path) -> None:
    """The first line that says NO decides, and what it is about: 18 for the journal, not the bundles' 36."""
    (tmp_path / "journal").write_text("no directory")
    (tmp_path / "bundles").write_text("no directory")
    lines, result = look(session(tmp_path, ""))
    assert (lines["journal"].mark, lines["bundles"].mark) == (Mark.TROUBLE, Mark.TROUBLE)
    assert (result.exit_code, [each.code for each in result.problems]) == (
        18,
        ["journal-not-writable", "bundle-unusable"],
    )


def test_who_renews(tmp_path: Path) -> None:
    made = session(tmp_path, "")
    assert look(made)[0]["refresher"].remedy == "hep_auth renew -install"
    path = state_path(made.bundles)
    path.parent.mkdir(parents=True)
    state = RenewalState(when=NOON - 60, unattended=NOON - 60, host="login02", every=600)
    path.write_text(state_text(state))
    assert look(made)[0]["refresher"].said == "hep_auth renew ran 1 min ago on login02"


def test_buckets_of_storages_with_good_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that refuses the keys is told once, not for each of its buckets."""

    def bucket(_session: object, _name: str, _storage: object, name: str, *, write: bool) -> str:
        if name == "out":
            raise StorageRefused("it cannot be listed (AccessDenied)", remedy="ask")
        return f"written: {write}"

    monkeypatch.setattr(checking, "_bucket", bucket)
    made = replace(session(tmp_path, HERD), keys=lambda *_: KEYS)
    lines, result = look(made)
    assert (lines["bucket herd:raw"].said, lines["bucket herd:out"].mark) == (
        "written: False",
        Mark.TROUBLE,
    )
    assert result.exit_code == 34

    def refuse(*_: object) -> str:
        raise StorageRefused("the storage herd does not accept the key", remedy="correct it")

    lines, result = look(replace(made, prove=refuse))
    assert lines["keys herd"].mark is Mark.TROUBLE
    assert not [what for what in lines if what.startswith("bucket")]


def test_the_pools_of_sites_are_asked_too(tmp_path: Path) -> None:
    policy = (
        "[pool.far]\ncollector = 'f'\nspool = true\n[site.there]\nkind = 'schedd'\npool = 'far'\n"
    )
    lines, _ = look(session(tmp_path, policy))
    assert lines["pool far"].said.startswith("schedd01.example.org takes you for")


def test_what_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepsub.actions.check.question.LIMIT_S", 0.1)
    begin, released = time.monotonic(), threading.Event()

    def refuse() -> str:
        raise ToolFailed("no", remedy="mend it")

    def hang() -> str:
        released.wait(60)
        return ""

    answers = list(
        asked([
            Question(what="slow", ask=hang),
            Question(what="bad", ask=refuse, needed=False),
            Question(what="bucket", ask=hang, silent=StorageUnreachable),
        ])
    )  # fmt: skip
    assert time.monotonic() - begin < 30
    released.set()
    slow, bad, bucket = answers
    assert (slow.line.mark, slow.line.said, slow.exit_code) == (
        Mark.TROUBLE,
        "no answer within 0 s",
        40,
    )
    assert (bad.line.mark, bad.line.remedy, bad.exit_code) == (Mark.MISSING, "mend it", 0)
    assert (bucket.code, bucket.exit_code) == ("storage-unreachable", 35)


def test_the_text_has_what_to_type_below() -> None:
    lines = (
        Line(what="group", mark=Mark.OK, said="juno"),
        Line(what="keys herd", mark=Mark.TROUBLE, said="bad\n\x1b[2J", remedy="hep_auth login iam"),
    )
    assert value_text(Checked(lines=lines)).splitlines() == [
        "ok  group      juno",
        "NO  keys herd  bad\\n\\x1b[2J",
        "               -> hep_auth login iam",
    ]


def test_the_effective_policy_tells_each_key_and_its_line() -> None:
    """The last file that sets a key counts; inline tables are taken apart; a secret is hidden."""
    site = Layer(
        file="/etc/hepsub/a.toml", text="[defaults]\nmemory = 3000\ncpus = 2\n", level=Level.SITE
    )
    mine = Layer(
        file="mine.toml",
        text="[defaults]\nmemory = '4 GB'\n[credential.x]\n"
        "command = ['get', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl']\n"
        "[os]\nSL9 = { image = '/i.sif' }\n",
    )
    value = effective_policy(merge([site, mine])).value
    found = {each.key: each for each in value.settings}
    assert found["defaults.memory"] == Setting(
        key="defaults.memory", value='"4 GB"', file="mine.toml", line=2
    )
    assert (found["defaults.cpus"].value, found["defaults.cpus"].line) == ("2", 3)
    assert found["credential.x.command"].value == '["get", "***"]'
    assert (found["os.SL9.image"].value, found["os.SL9.image"].line) == ('"/i.sif"', 6)
    assert found["limits.jobs"].file == "hepsub's defaults.toml"
    assert [each.key for each in value.settings] == sorted(found)
    [line] = [each for each in value_text(value).splitlines() if "defaults.memory" in each]
    assert line.split("#")[0].strip() == 'defaults.memory = "4 GB"'
    assert line.endswith("# mine.toml line 2")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-check", "job.sh"), "-check submits nothing, so 'job.sh' has no place there"),
        (("-write", "job.sh"), "-write belongs to -check"),
        (("-write",), "-write belongs to -check"),
    ],
)
def test_nothing_is_submitted_beside_it(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        COMMAND.run(session(tmp_path, ""), parse(words, COMMAND), QUIET)
    assert caught.value.message == said


def test_the_words_of_the_command_line(tmp_path: Path) -> None:
    made = session(tmp_path, "")
    found = COMMAND.run(made, parse(("-check", "policy"), COMMAND), QUIET)
    assert isinstance(found.value, EffectivePolicy)
    found = COMMAND.run(made, parse(("-check", "-write", "-p", "local"), COMMAND), QUIET)
    assert isinstance(found.value, Checked)
