"""The layers of the policy, and where each key came from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.errors import PolicyError
from hepsub.policy.load import PROFILES, load_policy, merge
from hepsub.policy.model import Group, Layer, Pool, WalltimeClass
from hepsub.policy.places import bundle_root
from hepsub.policy.site import Site
from tests.fakes.world import make_paths, make_policy


def refused(text: str) -> PolicyError:
    """The error that this policy file makes."""
    with pytest.raises(PolicyError) as caught:
        make_policy(text)
    return caught.value


def test_without_any_file_there_is_a_complete_policy(tmp_path: Path) -> None:
    """A laptop with nothing but hepsub can submit."""
    policy = load_policy(make_paths(tmp_path))
    assert policy.profile == "personal"
    assert policy.pool == {
        "here": Pool(kind="here"),
        "local": Pool(aliases=("physical", "virtual")),
    }
    assert (policy.defaults.memory, policy.defaults.cpus, policy.defaults.walltime) == (
        2000,
        1,
        "default",
    )
    assert policy.group == {}


def test_hepjobs_walltime_classes_are_built_in() -> None:
    """test 5 min, short 30 min, default 10 h, mid 100 h, long 720 h, and special on request."""
    assert make_policy().walltime == {
        "test": WalltimeClass(limit=300, on_request=False),
        "short": WalltimeClass(limit=1800),
        "default": WalltimeClass(limit=36000),
        "mid": WalltimeClass(limit=360000),
        "long": WalltimeClass(limit=2592000),
        "special": WalltimeClass(limit=2592000, on_request=True),
    }


def test_later_files_win(tmp_path: Path) -> None:
    """defaults < profile < /etc/hepsub in the order of names < the user's < $HEPSUB_CONFIG."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "20.toml").write_text("[defaults]\nmemory = 3000\ncpus = 20\n")
    (tmp_path / "site" / "10.toml").write_text("[defaults]\nmemory = 1000\nos = 'SL7'\n")
    (tmp_path / "site" / "notes.txt").write_text("not a policy")
    (tmp_path / "user.toml").write_text("[defaults]\nwalltime = 'long'\ncpus = 2\n")
    (tmp_path / "extra.toml").write_text("[defaults]\nwalltime = 'mid'\n")
    defaults = load_policy(make_paths(tmp_path, extra=tmp_path / "extra.toml")).defaults
    assert (defaults.memory, defaults.os, defaults.cpus, defaults.walltime) == (
        3000,
        "SL7",
        2,
        "mid",
    )


def test_tables_are_merged_key_by_key() -> None:
    """A site that changes one key of one class keeps all else."""
    policy = merge([
        Layer(file="a", text="[pool.local]\ncollector = 'c1'\n[walltime]\nmid = { limit = '200 h' }\n"),
        Layer(file="b", text="[pool.local]\ndefault_schedd = 's1'\n[pool.east]\n"),
    ])  # fmt: skip
    assert policy.pool == {
        "here": Pool(kind="here"),
        "local": Pool(collector="c1", default_schedd="s1", aliases=("physical", "virtual")),
        "east": Pool(),
    }
    assert policy.walltime["mid"].limit == 720000
    assert policy.walltime["long"].limit == 2592000


def test_lists_are_replaced() -> None:
    """A list is one value: the later one holds alone."""
    policy = make_policy("[pool.local]\naliases = ['one']\n")
    assert policy.pool["local"].aliases == ("one",)


def test_the_first_pool_of_the_lowest_layer_stays_the_first() -> None:
    """The default pool does not change because a later file adds one."""
    policy = make_policy("[pool.aaa]\n")
    assert list(policy.pool) == ["here", "local", "aaa"]
    assert policy.default_pool() == "local"


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_that_ships_can_be_read(profile: str) -> None:
    """Each is one complete example: it names at least one pool and the usual systems."""
    policy = make_policy(f"profile = '{profile}'")
    assert policy.profile == profile
    assert policy.pool
    assert {"SL7", "CentOS7", "AlmaLinux9"} <= set(policy.os)


def test_the_ihep_profile() -> None:
    """Several schedds, groups with experiments, remote sites of three kinds, rules."""
    policy = make_policy("profile = 'ihep'")
    assert policy.defaults.memory == 3000
    assert policy.pool["physical"].schedds == ("schedd01.example.org", "schedd02.example.org")
    assert policy.group["physics"] == Group(experiment="BES")
    assert {name: site.kind for name, site in policy.site.items()} == {
        "hpc": "glidein",
        "dongguan": "glidein",
        "cnaf": "ce",
        "shandong": "schedd",
        "edge": "glidein",
    }
    assert policy.site["dongguan"] == Site(
        requirements='GLIDEIN_Site == "dongguan"',
        pool="physical",
        groups=("juno", "physics", "lhaaso"),
        max_walltime=360000,
        storage="herd",
        paths={"/besfs/": "herd:besfs/"},
        mounts=("/cvmfs",),
        os=policy.site["dongguan"].os,
        isolation="slot",
        identity="glidein@dongguan.example.org",
    )


def test_the_hpc_profile() -> None:
    """Slurm is the pool of all jobs; classes choose its partition, and each user has bundles of their own."""
    policy = make_policy("profile = 'hpc'")
    assert (policy.default_pool(), policy.slurm_pool()) == ("hpc", "hpc")
    pool = policy.pool["hpc"]
    assert [pool.partition_for(name) for name in ("test", "mid", "long")] == [
        "debug",
        "normal",
        "long",
    ]
    assert bundle_root(policy, Path("/home/alice"), "alice") == "/shared/hepsub/alice"


def test_the_last_profile_that_is_named_counts() -> None:
    """A user may choose another one than the site."""
    policy = merge(
        [Layer(file="a", text="profile = 'ihep'"), Layer(file="b", text="profile = 'herd'")]
    )
    assert policy.profile == "herd"
    assert list(policy.pool) == ["here", "herd"]
    assert policy.default_pool() == "herd"


def test_a_file_without_a_profile_does_not_hide_the_next_ones() -> None:
    layers = [Layer(file="a", text=""), Layer(file="b", text="profile = 'herd'")]
    assert merge(layers).profile == "herd"


@pytest.mark.parametrize(
    ("key", "origin"),
    [
        ("defaults.memory", "test.toml line 4"),
        ("pool.east", "test.toml line 6"),
        ("pool.east.collector", "test.toml line 7"),
        ("walltime.mid", "test.toml line 9"),
        ("site.a.b.os", "hepsub's defaults"),
    ],
)
def test_each_key_knows_its_file_and_line(key: str, origin: str) -> None:
    """Comments, quotes and dotted keys do not lead astray."""
    policy = make_policy(
        "# a comment\n"
        "\n"
        "[defaults]\n"
        "memory = 4000 # MB\n"
        "\n"
        "[ pool . 'east' ]   # a header with blanks\n"
        "collector = 'c'\n"
        "[walltime]\n"
        "mid.limit = '200 h'\n"
    )  # fmt: skip
    assert policy.origin(key) == origin


def test_a_key_that_nobody_set_comes_from_the_defaults() -> None:
    """Provenance is told for every key: the shipped file has a name too."""
    assert make_policy().origin("limits.jobs").startswith("hepsub's defaults.toml line ")


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("# mine\nprofile = 'ihpe'\n", "no profile 'ihpe'", "did you mean 'ihep'?"),
        ("[defaults]\nmemmory = 4000\n", "unknown key 'memmory' in [defaults]", "did you mean 'memory'?"),
        ("[walltime.X]\nzzz = 1\nlimit = 60\n",
         "unknown key 'zzz' in [walltime.X]", "the keys here are limit, on_request"),
        ("\n[pools.x]\n", "unknown key 'pools'", "did you mean 'pool'?"),
        ("[walltime]\nmid = { limitt = '5 min' }\n", "unknown key 'limitt' in [walltime.mid]", "did you mean 'limit'?"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_file_line_and_closest_match(
    text: str, what: str, remedy: str
) -> None:
    """A key that is mistyped would silently do nothing; where none is close, the user sees what there is."""
    error = refused(text)
    assert (error.message, error.remedy) == (f"test.toml line 2: {what}", remedy)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[defaults]\nmemory = 'two'", "test.toml line 2: defaults.memory: 'two' is no amount of memory"),
        ("[defaults]\nmemory = 2.5", "test.toml line 2: defaults.memory: expected a whole number, found 2.5"),
        ("[defaults]\nmemory = true", "test.toml line 2: defaults.memory: expected a whole number, found True"),
        ("[defaults]\ncpus = 'four'", "test.toml line 2: defaults.cpus: expected a whole number, found 'four'"),
        ("[defaults]\ncpus = true", "test.toml line 2: defaults.cpus: expected a whole number, found True"),
        ("[defaults]\nwalltime = 5", "test.toml line 2: defaults.walltime: expected a text, found 5"),
        ("[limits]\nenforce_memory = 1", "test.toml line 2: limits.enforce_memory: expected true or false, found 1"),
        ("[pool.a]\nschedds = 's'", "test.toml line 2: pool.a.schedds: expected a list of texts"),
        ("[pool.a]\nschedds = [1]", "test.toml line 2: pool.a.schedds: expected a list of texts"),
        ("defaults = 3", "test.toml line 1: defaults: expected a table, found 3"),
        ("pool = 'x'", "test.toml line 1: pool: expected a table, found 'x'"),
        ("[pool]\na = 'x'", "test.toml line 2: pool.a: expected a table, found 'x'"),
        ("[os]\nX = 3", "test.toml line 2: os.X: expected a table, found 3"),
        ("[walltime.x]\nlimit = '90'", "test.toml line 2: walltime.x.limit: '90' is no duration"),
        ("[walltime.x]\non_request = true", "test.toml line 1: walltime.x: the key 'limit' is missing"),
        ("[site.far]\n", "test.toml line 1: site.far: the key 'requirements' is missing"),
        ("[os.SL9]\n", "test.toml line 1: os.SL9: the key 'image' is missing"),
        ("[group.j]\nwalltime = { mid = 'x' }", "test.toml line 2: group.j.walltime.mid: 'x' is no duration"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_file_line_and_key(text: str, message: str) -> None:
    """What was found, what was expected, and where it stands."""
    assert refused(text).message == message


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("'5 min'", 300), ("'1 h 30 min'", 5400), ("'2 d'", 172800)]
)
def test_durations_are_numbers_of_seconds_or_texts(text: str, seconds: int) -> None:
    """A number is seconds."""
    assert make_policy(f"[walltime.x]\nlimit = {text}").walltime["x"].limit == seconds


@pytest.mark.parametrize(
    ("text", "megabytes"), [("4000", 4000), ("'4 GB'", 4096), ("'500 MB'", 500)]
)
def test_memory_is_a_number_of_mb_or_a_text(text: str, megabytes: int) -> None:
    """A number is MB."""
    assert make_policy(f"[defaults]\nmemory = {text}").defaults.memory == megabytes


@pytest.mark.parametrize(
    ("name", "content", "message", "remedy"),
    [
        ("user.toml", b"[defaults\n", "{}/user.toml: Expected ']' .*line 1.*", "correct the TOML there"),
        ("user.toml", b"os = '\xff'\n", "{}/user.toml cannot be read: .*utf-8.*", "make it readable UTF-8 text"),
        ("site", b"", "the site's policy in {}/site cannot be read: Not a directory",
         "tell the administrators of this machine: without it nobody knows which groups and pools there are"),
        ("", b"", "[$]HEPSUB_CONFIG names {}/gone.toml, which is no file", "correct the variable, or unset it"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_no_empty_one(
    name: str, content: bytes, message: str, remedy: str, tmp_path: Path
) -> None:
    """Nobody would know whose group a user is in; and who names a file wants it to be read."""
    if name:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load_policy(make_paths(tmp_path, extra=None if name else tmp_path / "gone.toml"))
    assert re.fullmatch(message.format(tmp_path), caught.value.message)
    assert caught.value.remedy == remedy


@pytest.mark.parametrize("which", ["user_policy", "extra_policy"])
def test_a_file_that_nobody_can_look_at_is_no_missing_one(which: str, tmp_path: Path) -> None:
    """Path.is_file raises where a name is too long, or lies where the user may not look."""
    paths = replace(make_paths(tmp_path), **{which: tmp_path / ("x" * 300)})
    with pytest.raises(PolicyError, match=r"cannot be read: .*File name too long"):
        load_policy(paths)


def test_the_policy_cannot_be_changed() -> None:
    """It is one value for the whole run."""
    policy = make_policy()
    with pytest.raises(AttributeError):
        policy.profile = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        policy.pool["x"] = Pool()  # type: ignore[index]


def test_a_pools_own_name_goes_before_anothers_alias() -> None:
    """A site that names its pool `physical` must not find its jobs in the pool of a profile's alias."""
    policy = make_policy("[pool.physical]\ncollector = 'c'\n")
    assert policy.pool["local"].aliases == ("physical", "virtual")
    assert [policy.pool_named(word) for word in ("physical", "virtual")] == ["physical", "local"]
    policy = make_policy("[pool.a]\naliases = ['physical']\n")
    assert [policy.pool_named(word) for word in ("physical", "virtual")] == ["a", "local"]


def test_an_editors_lock_stops_no_site(tmp_path: Path) -> None:
    """Emacs makes a dangling link with a name that begins with .# beside the file that it edits."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/.#10-pools.toml").symlink_to("alice@host.123")
    (tmp_path / "site/10-pools.toml").write_text("[defaults]\nmemory = 123\n")
    assert load_policy(make_paths(tmp_path)).defaults.memory == 123


def test_all_mistakes_are_told_in_one_round() -> None:
    """Of form, and what refers to nothing; not what only follows from another one."""
    text = (
        "[defaults]\nmemory = 'much'\npool = 'nosuch'\n[group.juno]\nwalltime = { nosuch = '3 h' }\n"
        "[site.far]\nrequirments = 'x'\n[storage.s]\nregion = 3\n[walltime.brief]\nlimt = '1 h'\n[os]\nSL9 = 3\n"
    )
    with pytest.raises(PolicyError) as caught:
        merge([Layer(file="a.toml", text=text)])
    lines = caught.value.message.splitlines()
    assert lines[0] == "9 mistakes in the policy:"
    told = sorted(
        (int(line.split("line ")[1].split(":")[0]), line.split(": ")[1]) for line in lines[1:]
    )
    assert told == [
        (2, "defaults.memory"),
        (3, "defaults.pool"),
        (5, "group.juno.walltime.nosuch"),
        (7, "unknown key 'requirments' in [site.far]; did you mean 'requirements'?"),
        (8, "storage.s"),
        (9, "storage.s.region"),
        (10, "walltime.brief"),
        (11, "unknown key 'limt' in [walltime.brief]; did you mean 'limit'?"),
        (13, "os.SL9"),
    ]


def test_a_mistaken_site_stops_only_what_sends_jobs() -> None:
    """It is told, and left out with all rules, which name sites."""
    text = (
        "[site.'bad.org']\nrank = 3\nqueue = 4\n[site.far]\nrequirements = 'x'\nos = { none = '/i' }\n"
        "[site.good]\nrequirements = 'y'\n[rule.r]\nsites = ['bad.org', 'nosuch']\nremote = 'perhaps'\n"
    )
    layers = [Layer(file="a.toml", text=text)]
    with pytest.raises(PolicyError):
        merge(layers)
    passed_over: list[str] = []
    policy = merge(layers, passed_over)
    assert (set(policy.site), set(policy.rule)) == ({"good"}, set())
    assert passed_over[0].startswith(
        "a.toml line 2: site.bad.org.rank: expected a text, found 3; it is passed over"
    )
    assert len(passed_over) == 5


def test_other_mistakes_stop_everything() -> None:
    layers = [Layer(file="a.toml", text="[site.bad]\nrank = 3\n[pool.p]\nschedds = 'x'\n")]
    with pytest.raises(PolicyError, match=r"pool\.p\.schedds"):
        merge(layers, [])
