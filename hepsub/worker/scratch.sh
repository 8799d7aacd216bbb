#!/bin/sh
# Gives a job of the embedded pool a private scratch directory, as HTCondor does, and starts the wrapper
# in it; the directory goes away with the job.
#
#   scratch.sh BUNDLE PROC ARGUMENTS…

hs_bundle=$1
hs_proc=$2
shift 2
hs_scratch=$hs_bundle/scratch/$hs_proc
hs_corner=$hs_bundle/job/$hs_proc

prepare() {
    rm -rf "$hs_scratch" && mkdir -p "$hs_scratch" && cp "$hs_corner/hepsub.manifest" "$hs_scratch/" || return 1
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
        [ ! -f "$hs_file" ] || ln "$hs_file" "$hs_scratch/" || cp "$hs_file" "$hs_scratch/" || return 1
    done
}

hs_umask=$(umask)
umask 077
prepare && cd "$hs_scratch" || exit 80
umask "$hs_umask"
HEPSUB_HOME_DIR=home.$hs_proc
export HEPSUB_HOME_DIR

# The wrapper gets signals itself, being in the same process group; this shell only has to outlive it.
trap : HUP INT TERM USR1 USR2
"$hs_bundle/shared/wrapper.sh" "$@"
hs_code=$?
trap - HUP INT TERM USR1 USR2
rm -rf "$hs_corner/home.$hs_proc"
mv "home.$hs_proc" "$hs_corner/" # what comes home
cd / || exit 80
# Outputs that found no place stay here: the pool puts the job on hold, and clears this away with it.
if [ "$hs_code" = 87 ] && grep -q '"code": 87,' "$hs_corner/home.$hs_proc/report.json"; then exit 87; fi
rm -rf "$hs_scratch"
[ "$hs_code" -le 128 ] || kill -$((hs_code - 128)) $$
exit "$hs_code"
