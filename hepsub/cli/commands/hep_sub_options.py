"""The options of hep_sub: HepJob's first, then those that hepsub adds."""

from __future__ import annotations

from hepsub.cli.options import COMMON, Kind, Option, Takes

OPTIONS = (
    Option(
        names=("-argu", "--argu", "--arguments"),
        field="argu",
        metavar="WORD",
        takes=Takes.MANY,
        help="Arguments of the job, up to the next option or --; blanks separate them. %{ProcId},"
        " %{ClusterId}, %{Index}, %{Uuid} and %{item} stand for the job's own.",
    ),
    Option(
        names=("-g", "--group"),
        field="group",
        metavar="GROUP",
        kind=Kind.GROUP,
        help="Accounting group, one of your own; default: your primary group.",
    ),
    Option(
        names=("-n", "--number"),
        field="number",
        metavar="N",
        kind=Kind.INTEGER,
        help="Number of jobs in the cluster; ProcId runs from 0 to N-1.",
    ),
    Option(
        names=("-o", "--output"),
        field="output",
        metavar="PATH",
        kind=Kind.FILE,
        help="Standard output: a file, a directory, /dev/null, or a pattern with %{ProcId}, %{ClusterId};"
        " a directory that is missing is made; default: SCRIPT.out.CLUSTER.PROC.",
    ),
    Option(
        names=("-e", "--error"),
        field="error",
        metavar="PATH",
        kind=Kind.FILE,
        help="Standard error, likewise; default: SCRIPT.err.CLUSTER.PROC.",
    ),
    Option(
        names=("-mem", "-m", "--memory"),
        field="memory",
        metavar="MB",
        kind=Kind.MEMORY,
        help="Memory of each job; a bare number is MB, 2GB is fine too.",
    ),
    Option(
        names=("-wt", "--walltime"),
        field="walltime",
        metavar="CLASS",
        kind=Kind.WALLTIME,
        help="Walltime class of the policy, or a duration such as 90min or 3d: the smallest class that holds"
        " it, limited to it.",
    ),
    Option(
        names=("-os", "--OperatingSystem"),
        field="os",
        metavar="OS",
        kind=Kind.SYSTEM,
        help="Operating system of the policy: the job runs in its container.",
    ),
    Option(
        names=("-np", "--numberprocess", "-cpu", "--cpu"),
        field="cpus",
        metavar="CORES",
        kind=Kind.POSITIVE,
        help="Cores of each job.",
    ),
    Option(
        names=("-gpu", "--gpu"),
        field="gpus",
        metavar="GPUS",
        kind=Kind.COUNT,
        help="GPUs of each job.",
    ),
    Option(
        names=("-prio", "--priority"),
        field="priority",
        metavar="N",
        kind=Kind.INTEGER,
        help="Priority among your own jobs; the higher, the earlier.",
    ),
    Option(names=("-name", "--name"), field="name", metavar="NAME", help="Name of the job."),
    Option(
        names=("-list", "--list"),
        field="list",
        metavar="LIST",
        kind=Kind.FILE,
        help="One job for each line of a file, or of stdin (-); %{item} is the line. Empty lines and # lines do"
        " not count. Or one for each object below s3://bucket/dir/ or storage:bucket/dir/, by name; behind it"
        " there may be a pattern, '*.root', in which * stops at / and ** does not.",
    ),
    Option(
        names=("-per", "--per"),
        field="per",
        metavar="K|SIZE",
        kind=Kind.PORTION,
        help="K items of the list for each job; with a size such as 2GB (2*2**30 bytes) as many files or objects in"
        " a row as fit into it, a larger one alone. %{items} stands for them; they also lie in the job's items.txt."
        " In the job each has the last part of its name; those of one job that share it keep the directory, too:"
        " run1/hist.root and run2/hist.root.",
    ),
    Option(
        names=("-in", "--in"),
        field="inputs",
        metavar="URL[=NAME]",
        repeated=True,
        help="Input of each job: s3://bucket/key, storage:bucket/key, a path (of which it gets a copy), or %{items};"
        " may be repeated. URL= where a '=' belongs to the URL.",
    ),
    Option(
        names=("-out", "--out"),
        field="outputs",
        metavar="NAME=URL",
        repeated=True,
        help="Output of each job and where it goes; NAME? may be missing, a pattern goes to URL/; may be"
        " repeated.",
    ),
    Option(
        names=("-lib", "--lib"),
        field="libraries",
        metavar="FILE|DIR",
        kind=Kind.FILE,
        repeated=True,
        help="Library, program or directory of your own that goes along: packed and stored once, unpacked in each job"
        " below $HEPSUB_LIB, and put in front of LD_LIBRARY_PATH, PYTHONPATH and PATH; may be repeated.",
    ),
    Option(
        names=("-nocheck", "--nocheck"),
        field="nocheck",
        takes=Takes.NOTHING,
        help="Do not look whether inputs, or outputs of earlier jobs, exist.",
    ),
    Option(
        names=("-cred", "--cred"),
        field="cred",
        metavar="NAME",
        repeated=True,
        help="Send this credential along, and keep it fresh: krb (the Kerberos ticket), iam (the IAM token),"
        " or another of the policy; `none` drops those that the pool or site wants. May be repeated.",
    ),
    Option(
        names=("-first", "--first"),
        field="first",
        metavar="N",
        kind=Kind.INTEGER,
        help="%{Index} of the first job: Index = N + ProcId.",
    ),
    Option(
        names=("-env", "--env"),
        field="env",
        metavar="NAME[=VALUE]",
        repeated=True,
        help="Set a variable for the job, or send your own, with -noenv or although it looks like a secret; may be"
        " repeated.",
    ),
    Option(
        names=("-noenv", "--noenv"),
        field="noenv",
        takes=Takes.NOTHING,
        help="Do not send your environment; only what -env names.",
    ),
    Option(
        names=("-rmt", "--remote"),
        field="remote",
        takes=Takes.NOTHING,
        help="Remote: run at any site outside the local cluster that takes the job.",
    ),
    Option(names=("-normt",), field="normt", takes=Takes.NOTHING, help="Never remote."),
    Option(
        names=("-site", "--site"),
        field="site",
        metavar="SITE",
        kind=Kind.SITE,
        help="Run at this remote site; implies -rmt.",
    ),
    Option(
        names=("-type", "--type"),
        field="type",
        metavar="TYPE",
        help="What kind of work it is, for the rules of the policy about remote sites; default: what the script looks"
        " like.",
    ),
    Option(
        names=("-outsize", "--outsize"),
        field="outsize",
        metavar="MB",
        kind=Kind.MEMORY,
        help="How much one job leaves behind, for the rules of the policy about remote sites; a bare number is MB.",
    ),
    Option(
        names=("-wn", "--wn"),
        field="wn",
        metavar="NODE",
        help="Run on this worker node, full or short name.",
    ),
    Option(
        names=("-gwn", "--gwn"),
        field="gwn",
        metavar="NAME",
        help="Run on this group of worker nodes.",
    ),
    Option(
        names=("-image", "--image"),
        field="image",
        metavar="FILE",
        kind=Kind.FILE,
        help="Run in this container image.",
    ),
    Option(
        names=("-dir", "--dir"),
        field="dir",
        metavar="DIR",
        kind=Kind.DIRECTORY,
        help="Directory of the logs that -o and -e do not place.",
    ),
    Option(
        names=("-l", "--log"),
        field="log",
        metavar="FILE",
        kind=Kind.FILE,
        help="HTCondor's event log of the cluster.",
    ),
    Option(
        names=("-p", "--pool"),
        field="pool",
        metavar="POOL",
        kind=Kind.POOL,
        help="Pool of the policy, instead of the default one.",
    ),
    Option(
        names=("-schedd", "--schedd"), field="schedd", metavar="NAME", help="Submit to this schedd."
    ),
    Option(
        names=("-u", "--universe"),
        field="universe",
        metavar="UNIVERSE",
        help="HTCondor's universe: vanilla.",
    ),
    Option(
        names=("-once", "--once"),
        field="once",
        metavar="KEY",
        help="Submit once for this key: repeated, the same cluster is reported and nothing is submitted.",
    ),
    Option(
        names=("-wait", "--wait"),
        field="wait",
        takes=Takes.NOTHING,
        help="Wait until all jobs have ended, or are on hold; exit code 0 only if all ended with 0.",
    ),
    Option(
        names=("-dry-run", "--dry-run"),
        field="dry_run",
        takes=Takes.NOTHING,
        help="Show the plan, its reasons and the submit description; submit nothing.",
    ),
    Option(
        names=("-quiet", "--quiet"),
        field="quiet",
        takes=Takes.NOTHING,
        help="No talk on stderr but errors.",
    ),
    *COMMON,
)
