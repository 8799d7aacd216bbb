"""From the words of hep_sub's command line to a JobSpec."""

from __future__ import annotations

import re

from hepsub.cli.options import Values
from hepsub.errors import UsageError
from hepsub.job import (
    BLANK,
    COMMA,
    TAB,
    Columns,
    EnvironmentRequest,
    FileRequest,
    HTCondorRequest,
    JobSpec,
    Placement,
    Remote,
    Resources,
)


def job_spec(values: Values) -> JobSpec:
    """The JobSpec that a command line means.

    Raises:
        UsageError: there is no script, or options contradict each other.
    """
    for name in ("failed", "only", "unknown"):
        if said := values[name]:
            raise UsageError(
                f"-{name} is about jobs of an earlier cluster, and belongs to -resubmit",
                remedy=f"hep_sub -resubmit 13 -{name}{f' {said}' if said is not True else ''}",
            )
    if not values["script"]:
        raise _no_script(values)
    per, per_bytes = values["per"] or (None, None)
    return JobSpec(
        script=values["script"][0],
        arguments=_arguments(values["argu"]),
        number=values["number"],
        first=values["first"] or 0,
        list_file=values["list"],
        columns=_columns(values),
        per=per,
        per_bytes=per_bytes,
        inputs=tuple(_input(each) for each in values["inputs"]),
        outputs=tuple(_output(each) for each in values["outputs"]),
        libraries=values["libraries"],
        check_objects=not values["nocheck"],
        group=values["group"],
        name=values["name"],
        stdout=values["output"],
        stderr=values["error"],
        event_log=values["log"],
        directory=values["dir"],
        os=values["os"],
        image=values["image"],
        priority=values["priority"],
        universe=values["universe"],
        resources=Resources(
            cpus=values["cpus"],
            gpus=values["gpus"],
            memory_mb=values["memory"],
            disk_mb=values["disk"],
            walltime=values["walltime"],
        ),
        placement=Placement(
            pool=values["pool"],
            schedd=values["schedd"],
            remote=remote(values),
            site=values["site"],
            worker_node=values["wn"],
            worker_group=values["gwn"],
        ),
        environment=EnvironmentRequest(
            inherit=not values["noenv"], named=tuple(variable(each) for each in values["env"])
        ),
        once=values["once"],
        credentials=values["cred"],
        type=values["type"],
        output_mb=values["outsize"],
        htcondor=_htcondor(values),
    )


_HEADER = "header"


def _columns(values: Values) -> Columns | None:
    """What was said of the columns of the list; None for nothing.

    Raises:
        UsageError: what stands between them is none of the words for it.
    """
    named, between = values["columns"], values["sep"]
    if named is None and between is None:
        return None
    known = (COMMA, TAB, BLANK)
    if between is not None and between.casefold() not in known:
        from hepsub.suggest import did_you_mean

        raise UsageError(
            f"argument -sep: '{between}' is none of {', '.join(known)}",
            remedy=did_you_mean(between, known),
        )
    header = named is not None and named.casefold() == _HEADER
    return Columns(
        names=tuple(named.split(",")) if named is not None and not header else (),
        header=header,
        separator=between.casefold() if between is not None else "",
    )


_HTCONDOR = ("retry", "attr", "require", "rank", "append", "maxidle", "maxrun", "notify")


def _htcondor(values: Values) -> HTCondorRequest | None:
    if not any(values[each] for each in _HTCONDOR):
        return None
    return HTCondorRequest(
        attributes=values["attr"],
        requirements=values["require"],
        rank=values["rank"] or "",
        commands=values["append"],
        retries=values["retry"] or "",
        max_idle=values["maxidle"],
        max_run=values["maxrun"],
        notification=values["notify"] or "",
    )


def _arguments(values: tuple[str, ...]) -> tuple[str, ...]:
    """HepJob's rule: one outer pair of double quotes is dropped, then all is split at white space."""
    # Scripts rely on it: -argu "a b c" has always been three arguments.
    quoted = (len(each) > 1 and each[0] == each[-1] == '"' for each in values)
    plain = (each[1:-1] if outer else each for each, outer in zip(values, quoted, strict=True))
    return tuple(word for each in plain for word in each.split())


def remote(values: Values) -> Remote:
    """What was said about sites.

    Raises:
        UsageError: two things that contradict each other.
    """
    if values["remote"] and values["normt"]:
        raise UsageError("-rmt and -normt contradict each other", remedy="drop one of them")
    return Remote.WANTED if values["remote"] else Remote.NEVER if values["normt"] else Remote.UNSAID


def variable(text: str) -> tuple[str, str | None]:
    """NAME or NAME=VALUE.

    Raises:
        UsageError: there is no name.
    """
    name, equals, value = text.partition("=")
    if not name:
        raise UsageError(
            "argument -env/--env: there is no name in front of the '='",
            remedy="-env NAME=VALUE",
        )
    return name, value if equals else None


_URL_BEHIND = r"(?i)=(?=s3://|/|\.{1,2}/|[A-Za-z][\w.-]*:[^/:]+/)"
"""The `=` behind which a URL, or a path that looks like one, begins."""


def _input(text: str) -> FileRequest:
    """URL[=NAME]; what follows the last `=` is a name only when there is no `/` in it, and none in `URL=`."""
    url, equals, name = text.rpartition("=")
    if not equals or "/" in name:
        return FileRequest(name="", url=text)
    return FileRequest(name=name, url=url, whole=text if name else "")


def _output(text: str) -> FileRequest:
    """NAME=URL; the name ends where a URL begins, else at the first `=`."""
    # A name may hold a `=` (pt=50.root), so the one counts behind which something like a URL begins.
    begins = re.search(_URL_BEHIND, text)
    at = begins.start() if begins else text.find("=")
    name, url = text[: max(at, 0)], text[at + 1 :]
    optional = name.endswith("?")
    if not name.rstrip("?") or not url:
        raise UsageError(
            f"argument -out/--out: '{text}' is not NAME=URL",
            remedy="for example -out hist.root=herd:out/hist_%{ProcId}.root",
        )
    return FileRequest(name=name.removesuffix("?"), url=url, optional=optional)


def _no_script(values: Values) -> UsageError:
    if not values["argu"]:
        return UsageError(
            "the following arguments are required: script",
            remedy="hep_sub job.sh submits the script job.sh, hep_sub status shows your jobs; hep_sub demo shows how"
            " it goes, hep_sub -h what there is",
        )
    last = values["argu"][-1]
    return UsageError(
        "the following arguments are required: script; -argu takes every word up to the next option",
        remedy=f"if '{last}' is the script, put it in front, or write -- before it: -argu … -- {last}",
    )
