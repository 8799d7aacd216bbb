#!/bin/sh
# Gives a job of the embedded pool, or of Slurm's, a private scratch directory, as HTCondor does, and starts the
# wrapper in it; the directory goes away with the job.
#
#   scratch.sh BUNDLE PROC ARGUMENTS…
#
# HEPSUB_NODE_SCRATCH   the directory of this machine in which the job gets its own (default: in the bundle)
# HEPSUB_SET            where this machine sees no bundle: BUNDLE is the batch script, in which this text stands and
#                       behind it the files of all jobs (slurm/enclosed.py), and the job gets those of this set

hs_bundle=$1
hs_proc=$2
shift 2
hs_node=${HEPSUB_NODE_SCRATCH-}
hs_set=${HEPSUB_SET-}
unset HEPSUB_NODE_SCRATCH HEPSUB_SET
hs_scratch=$hs_bundle/scratch/$hs_proc
hs_corner=$hs_bundle/job/$hs_proc

say() { printf 'hepsub: %s\n' "$*" >&2; }

# A directory of this machine's that is locked as long as the job has a process: what was left by jobs that were
# killed with all of their processes is known by that, and removed by the user's next one.
take_place() {
    for hs_left in "$hs_node"/hepsub-job.??????????; do
        if [ -d "$hs_left" ] && [ ! -L "$hs_left" ] && [ -O "$hs_left" ]; then
            (exec 8<"$hs_left" && flock -n 8 && rm -rf "$hs_left") 2>/dev/null
        fi
    done
    # It gets its name when it is locked already: there is no moment in which it looks left behind. Where a file
    # system has no locks nothing is removed either.
    if hs_scratch=$(mktemp -d "$hs_node/hepsub-new.XXXXXXXXXX"); then
        exec 8<"$hs_scratch"
        flock -n 8 2>/dev/null
        hs_new=$hs_scratch hs_scratch=$hs_node/hepsub-job.${hs_scratch##*.}
        mv "$hs_new" "$hs_scratch" && return 0
    fi
    say "a directory of the job's own cannot be made in $hs_node of $(uname -n)"
    return 1
}

decode() {
    if command -v base64 >/dev/null; then
        base64 -d
    elif command -v openssl >/dev/null; then
        openssl base64 -d
    else
        python3 -c 'import base64, sys; base64.decode(sys.stdin.buffer, sys.stdout.buffer)'
    fi
}

# What stands in the batch script, as far as this job gets it.
unpack() {
    hs_sent=$hs_scratch/.hepsub.sent
    mkdir "$hs_sent" || return 1
    sed '1,/^#hepsub-files$/d' "$hs_bundle" | decode |
        tar -xzf - -C "$hs_sent" all "set/$hs_set" "job/$hs_proc" || return 1
    for hs_file in all "set/$hs_set" "job/$hs_proc"; do
        tar -xf "$hs_sent/$hs_file" -C "$hs_scratch" || return 1
    done
    rm -rf "$hs_sent"
}

prepare() {
    if [ -n "$hs_node" ]; then
        take_place || return 1
    else
        rm -rf "$hs_scratch" && mkdir -p "$hs_scratch" || return 1
    fi
    if [ -n "$hs_set" ]; then
        hs_corner=$hs_scratch
        hs_wrapper=$hs_scratch/wrapper.sh
        unpack && return 0
        say "the job's files cannot be unpacked on $(uname -n): that takes room in $hs_node, tar, gzip, and one of base64, openssl and python3"
        return 1
    fi
    hs_wrapper=$hs_bundle/shared/wrapper.sh
    cp "$hs_corner/hepsub.manifest" "$hs_scratch/" || return 1
    [ ! -e "$hs_corner/items.txt" ] || cp "$hs_corner/items.txt" "$hs_scratch/" || return 1
    # Credentials. Who renews them may be at it: one that is missing is asked for again by the wrapper.
    for hs_file in "$hs_bundle"/private/creds/*; do
        [ ! -f "$hs_file" ] || cp "$hs_file" "$hs_scratch/" || :
    done
    for hs_file in "$hs_bundle"/shared/ca.*.pem "$hs_bundle"/shared/hepsub.environment; do
        [ ! -f "$hs_file" ] || cp "$hs_file" "$hs_scratch/" || return 1
    done
    # Libraries: a second name costs nothing, and the wrapper only reads the file and removes the name.
    for hs_file in "$hs_bundle"/shared/lib/*; do
        [ ! -f "$hs_file" ] || ln "$hs_file" "$hs_scratch/" 2>/dev/null || cp "$hs_file" "$hs_scratch/" || return 1
    done
}

# What comes home, whole or not at all: from another machine it is copied.
bring_home() {
    [ -z "$hs_set" ] || return 0
    rm -rf "$hs_corner/home.$hs_proc" "$hs_corner/.home.$hs_proc"
    mv "home.$hs_proc" "$hs_corner/.home.$hs_proc" && mv "$hs_corner/.home.$hs_proc" "$hs_corner/home.$hs_proc"
}

# What found no other place: the embedded pool puts the job on hold, and clears this away with it.
keep() {
    if [ -n "$hs_node" ]; then
        hs_kept=$hs_node/hepsub-kept.${hs_scratch##*.}
        mv "$hs_scratch" "$hs_kept" && say "what the job made is kept in $hs_kept on $(uname -n): fetch it, and remove it"
    fi
    exit 87
}

hs_umask=$(umask)
umask 077
if ! prepare || ! cd "$hs_scratch"; then
    rm -rf "$hs_scratch"
    exit 80
fi
umask "$hs_umask"
HEPSUB_HOME_DIR=home.$hs_proc
export HEPSUB_HOME_DIR

# The wrapper gets signals itself, being in the same process group; this shell only has to outlive it.
trap : HUP INT TERM USR1 USR2
"$hs_wrapper" "$@"
hs_code=$?
bring_home
hs_home=$?
trap - HUP INT TERM USR1 USR2
cd / || exit 80
[ "$hs_home" = 0 ] || keep
if [ "$hs_code" = 87 ] && grep -q '"code": 87,' "$hs_corner/home.$hs_proc/report.json"; then keep; fi
rm -rf "$hs_scratch"
[ "$hs_code" -le 128 ] || [ -n "$hs_set" ] || kill -$((hs_code - 128)) $$
exit "$hs_code"
