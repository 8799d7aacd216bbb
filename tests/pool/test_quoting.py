"""What a job receives is what was sent, byte for byte, and nothing that a user writes harms a schedd."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.pool.shell import IDLE, PYTHON, Shell, long_ads
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

Words = tuple[str, ...]
OWN_MACROS = (
    "$$(DOLLARDOLLAR)",
    "$$([MY.ClusterId]).$$([MY.ProcId])",
    "HEPSUB_HOME_DIR=home.$$([MY.ProcId])",
)
REPORT = """
import json, os, sys
words = [os.fsencode(word).decode("utf-8") for word in sys.argv[1:]]
variables = {name: value for name, value in os.environ.items() if name.startswith("T_")}
with open("got." + os.environ["_CONDOR_IHEP_JOB_ID"], "w") as file:
    json.dump([words, variables], file)
"""

AWKWARD = (
    "a b", "a  b", "it's", "''", "'", '"', '""', '"a', "a'b\"c", "$", "$$", "$$$", "$$$$", "$(", "$(ProcId)",
    "$$(X)", "$$(Memory)", "$$([1+1])", "$$([MY.ProcId])", "$$(DOLLARDOLLAR)", "$(DOLLAR)(X)", "$$$(X)", "$ENV(HOME)",
    "$RANDOM_INTEGER(1,9)", "$INT(ProcId)", "$F(x)", "%", "%%", "%{other}", "%(x)s", "\\", "\\\\", "a\\", "\\n", '\\"',
    "a\tb", "\u00fc\u4e2d\U0001f600", "a;b|c&d>e<f`g`", "*?[a]~{b,c}", "-n", "--", "-", "=", "a=b", ",", "a,b",
    "!", "^", "x" * 5000, "'$'", "$'", "'$$(X)'", "(X)", "a#b", "$(ClusterId)$", "@(X)", "$(X:default)", "$(a):$$b",
    "queue", "+Attr = 1", "\x01\x7f", "\u00a0x", "\u200bx",
)  # fmt: skip
"""Texts that some layer between hep_sub and a program's argv is known to treat specially."""

PIECES = st.one_of(
    st.sampled_from(
        ["$", "$$", "$(", "$$(", "$$([", "])", ")", "'", '"', "\\", "%", "%{", "}", " ", "  "]
    ),
    st.sampled_from(
        ["X", "Memory", "ProcId", "1+1", "DOLLARDOLLAR", "\u00e9", "\t", "-", "=", ",", ";"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=4),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)
NAMED = re.compile(r"%\{(\w+)\}")
"""hep_sub reads these as names of its own, or as names misspelt."""


def as_item(text: str) -> bool:
    """Whether a text can be a line of a list: what -list strips and skips cannot."""
    return text != "" and text == text.strip() and not text.startswith("#") and "\n" not in text


def as_argument(text: str) -> bool:
    """Whether a text can stand behind -argu as one word."""
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    plain = text.split() == [text] and not NAMED.search(text)
    return plain and not quoted and not text.startswith("-")


def send(user: Shell, items: Sequence[str], values: Sequence[str], *options: str) -> int:
    """Submit one job for each item, with all values as variables and the possible ones as arguments."""
    user.script("report.py", REPORT, shell=PYTHON)
    user.account.write("items", "".join(f"{item}\n" for item in items))
    arguments = [value for value in values if as_argument(value)]
    variables = [word for n, value in enumerate(values) for word in ("-env", f"T_{n}={value}")]
    logs = ("-o", "/dev/null", "-e", "/dev/null")
    return user.submit(
        "report.py", "-list", "items", *logs, *variables, "-argu", "%{item}", *arguments, *options
    )


def check(user: Shell, cluster: int, items: Sequence[str], values: Sequence[str]) -> None:
    """Compare what the jobs got with what was sent."""
    ads = user.ended(cluster, len(items))
    assert [ad["ExitCode"] for ad in ads] == [0] * len(items)
    arguments = [value for value in values if as_argument(value)]
    variables = {f"T_{n}": value for n, value in enumerate(values)}
    for proc, item in enumerate(items):
        words, got = json.loads(user.text(f"got.{cluster}.{proc}"))
        assert words == [item, *arguments]
        assert got == variables


def alive(pool: Pool) -> bool:
    """Whether all schedds answer (one that crashed stays away)."""
    commands = (["condor_q", "-name", name, "-af", "ClusterId"] for name in pool.schedds)
    return all(pool.run(command, check=False).returncode == 0 for command in commands)


def foreign_macros(ads: str) -> list[str]:
    """The lines of ads with a `$$(` that hepsub does not write itself.

    MATCH_EXP_* is what the schedd notes after the expansion, for people; nothing expands it again.
    """
    found = []
    for line in ads.splitlines():
        if line.startswith("MATCH_EXP_"):
            continue
        rest = line
        for own in OWN_MACROS:
            rest = rest.replace(own, "")
        if "$$(" in rest or "$$[" in rest:
            found.append(line[:300])
    return found


@pytest.mark.parametrize("factory", [False, True], ids=["cluster", "factory"])
def test_awkward_texts_arrive_unchanged(user: Shell, pool: Pool, factory: bool) -> None:
    """Items, arguments and variables that some layer treats specially: in a cluster and a factory."""
    limits = "[limits]\nfactory_above = 5\nfactory_idle = 30\n" if factory else ""
    user.policy.write_text(limits)
    items = [text for text in AWKWARD if as_item(text)]
    values = [*AWKWARD, "", " ", " a ", "\t"]
    cluster = send(user, items, values)
    check(user, cluster, items, values)
    ads = pool.history(f"ClusterId == {cluster}")
    assert any("JobMaterializeDigestFile" in ad for ad in ads) is factory
    assert alive(pool)


@settings(
    max_examples=3,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    items=st.lists(TEXTS.filter(as_item), min_size=25, max_size=40),
    values=st.lists(TEXTS, min_size=25, max_size=40),
)
def test_any_text_arrives_unchanged(
    user: Shell, pool: Pool, items: list[str], values: list[str]
) -> None:
    """A property: what a job receives in argv and environment is what was sent."""
    check(user, send(user, items, ["a", *values]), items, ["a", *values])
    assert alive(pool)


def test_long_arguments_and_many_arguments_arrive(user: Shell) -> None:
    """20,000 characters in one argument, 2,000 arguments, 100 kB in one variable."""
    user.script("report.py", REPORT, shell=PYTHON)
    long, many, large = "x" * 20_000, [str(n) for n in range(2_000)], "y" * 100_000
    cluster = user.submit("report.py", "-argu", long, *many, "-env", f"T_0={large}")
    user.ended(cluster)
    assert json.loads(user.text(f"got.{cluster}.0")) == [[long, *many], {"T_0": large}]


INEXPRESSIBLE: dict[str, Words] = {
    "a line end in a variable": ("-env", "T_0=a\nb"),
    "a carriage return in a variable": ("-env", "T_0=a\rb"),
    "a line end in the name": ("-name", "a\nb"),
    "a line end in the key": ("-once", "a\nb"),
    "a line end in the log's path": ("-o", "a\nb"),
    "what is not UTF-8 in an argument": ("-argu", "a\udcffb"),
    "what is not UTF-8 in the log's path": ("-o", "a\udcffb"),
    "a unit separator in an argument": ("-argu", "a\x1eb\x7f\x1fc"),
}


@pytest.mark.parametrize("words", INEXPRESSIBLE.values(), ids=INEXPRESSIBLE)
def test_what_cannot_be_expressed_is_refused(user: Shell, words: Words) -> None:
    """HTCondor's submit language has no words for it: exit code 30, or the job gets it all the same."""
    user.script("report.py", REPORT, shell=PYTHON)
    done = user("hep_sub", "report.py", *words)
    if words[0] == "-argu" and "\x1f" in words[1]:  # Python's split takes it for white space
        assert done.returncode in (0, 30)
    else:
        assert (done.returncode, done.stdout) == (30, ""), done.stderr
        assert user.counts("-u")["jobs"] == 0


@pytest.mark.parametrize("text", ["a\x1fb", "a\0b"])
def test_a_list_with_what_cannot_be_expressed_is_refused(user: Shell, text: str) -> None:
    """An item with a unit separator or a NUL in it: exit code 30."""
    user.script("report.py", REPORT, shell=PYTHON)
    user.account.write("items", f"good\n{text}\n")
    user.refused(30, "report.py", "-list", "items", "-argu", "%{item}")


EVIL = "$$(X)"
EVIL_OPTIONS: dict[str, Words] = {
    "-name": ("-name", EVIL),
    "-o": ("-o", EVIL),
    "-e": ("-e", f"{EVIL}.%{{ProcId}}"),
    "-l": ("-l", EVIL),
    "-dir": ("-dir", EVIL),
    "-image": ("-image", EVIL),
    "-image URL": ("-image", f"docker://{EVIL}"),
    "-once": ("-once", EVIL),
    "-g": ("-g", EVIL),
    "-wn": ("-wn", EVIL),
    "-gwn": ("-gwn", EVIL),
    "-schedd": ("-schedd", EVIL),
    "-u": ("-u", EVIL),
    "-p": ("-p", EVIL),
    "-os": ("-os", EVIL),
    "-site": ("-site", EVIL),
    "-wt": ("-wt", EVIL),
    "-mem": ("-mem", EVIL),
    "-env name": ("-env", f"{EVIL}=1"),
    "-env value": ("-env", f"T={EVIL}"),
    "-argu": ("-argu", EVIL, "$$([MY.Nothing])", "$$", "(X)", "$%{ProcId}", "$$%{ProcId}"),
    "-argu around names": ("-argu", "$%{ProcId}(X)", "$$%{ClusterId}", "$%{ProcID}$%{ProcID}"),
    "item in -o": ("-list", "items", "-o", "%{item}"),
    "item in -argu": ("-list", "items", "-argu", "$%{item}", "$%{item}$", "$$%{item}"),
    "-o with a name before": ("-o", "$%{ProcId}$(X)"),
    "-in": ("-in", EVIL),
    "-in NAME": ("-in", f"items={EVIL}"),
    "-in URL": ("-nocheck", "-in", f"s3://bucket/{EVIL}"),
    "-out NAME": ("-out", f"{EVIL}=out"),
    "-out URL": ("-nocheck", "-out", f"x=s3://bucket/{EVIL}"),
    "-out path": ("-out", f"x={EVIL}"),
    "-o ends in a dollar": ("-o", "out$", "-e", "$%{ProcId}"),
}


MUST_BE_TAKEN = ("-argu", "-argu around names", "-env value", "item in -argu")
IN_A_FACTORY = (
    "-name", "-o", "-once", "-env value", "-argu", "-argu around names", "item in -o", "item in -argu",
    "-o with a name before", "-o ends in a dollar",
)  # fmt: skip


def submit_each(user: Shell, ways: Mapping[str, Words]) -> dict[str, CompletedProcess[str]]:
    """Run hep_sub in each way, several at once; none may fail in a way that nobody designed."""
    with ThreadPoolExecutor(3) as threads:
        done = threads.map(lambda words: user("hep_sub", *words), ways.values())
        results = dict(zip(ways, done, strict=True))
    bugs = {name: r.stderr for name, r in results.items() if r.returncode in (1, 45, 130)}
    assert bugs == {}
    return results


def check_harmless(pool: Pool, since: int) -> None:
    """The jobs that were accepted run; no schedd died of them; no foreign macro is in any ad."""
    busy = "JobStatus == 1 || JobStatus == 2"
    first = pool.schedds[0]
    pool.wait_for(lambda: not pool.jobs(busy, ["ProcId"], first), 60, "what was accepted")
    assert alive(pool)
    assert pool.jobs("JobStatus == 5", ["ClusterId", "HoldReason"]) == []
    ads = long_ads(pool, since)
    assert "ClusterId" in ads
    assert foreign_macros(ads) == []


def test_no_option_can_bring_a_macro_into_an_ad(user: Shell, pool: Pool) -> None:
    """Every option with `$$(X)` is refused or safe; the jobs run, and all schedds are alive after it."""
    begin = int(time.time())
    for name in ("job.sh", f"{EVIL}.sh", "$$/job.sh", f"in{EVIL}/job.sh"):
        user.script(name, "true")
    user.account.write("items", f"{EVIL}\n(X)\n$(X)\n")
    user.account.write(EVIL, "", mode=0o666)
    ways = {name: ("job.sh", *words) for name, words in EVIL_OPTIONS.items()}
    ways |= {"script name": (f"{EVIL}.sh",), "script directory": ("$$/job.sh",)}
    results = submit_each(user, ways)
    assert {results[name].returncode for name in MUST_BE_TAKEN} == {0}
    assert user("hep_sub", "job.sh", cwd=user.work / f"in{EVIL}").returncode == 30
    assert user("hep_sub", "job.sh", env={"T": EVIL, "$$(N)": "v"}).returncode == 0
    check_harmless(pool, begin)


def test_no_option_can_bring_a_macro_into_a_factory(user: Shell, pool: Pool) -> None:
    """The same with a factory: the schedd reads the description again each time it makes a job."""
    begin = int(time.time())
    user.policy.write_text("[limits]\nfactory_above = 2\nfactory_idle = 2\n")
    user.script("job.sh", "true")
    user.account.write("items", f"{EVIL}\n(X)\n$(X)\n[1]\n")
    ways = {name: ("job.sh", *EVIL_OPTIONS[name]) for name in IN_A_FACTORY}
    many = {n: words if "-list" in words else (*words, "-n", "4") for n, words in ways.items()}
    submit_each(user, many)
    check_harmless(pool, begin)


def test_a_schedd_that_starts_again_reads_the_queue(user: Shell, pool: Pool) -> None:
    """Awkward texts in a queue do not harm a schedd that is killed and reads its queue again."""
    user.script("job.sh", "true")
    words = [text for text in AWKWARD if as_argument(text)]
    cluster = user.submit("job.sh", "-argu", *words, *IDLE)
    pool.kill_schedd("schedd01")
    pool.start_schedd("schedd01")
    assert user.states("-i", str(cluster)) == {f"{cluster}.0": "I"}
    shown = user.result("hep_q", "-i", str(cluster))["jobs"][0]["arguments"]
    assert shown == words
