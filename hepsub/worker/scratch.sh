#!/bin/sh
# Gives a job of the embedded pool a private scratch directory, as HTCondor does, and starts the wrapper
# in it; the directory goes away with the job.
#
#   scratch.sh BUNDLE PROC ARGUMENTS…

bundle=$1
proc=$2
shift 2
scratch=$bundle/scratch/$proc

prepare() {
    rm -rf "$scratch" && mkdir -p "$scratch" && cp "$bundle/$proc/hepsub.manifest" "$scratch/" || return 1
    [ ! -e "$bundle/$proc/items.txt" ] || cp "$bundle/$proc/items.txt" "$scratch/"
}

users_umask=$(umask)
umask 077
prepare && cd "$scratch" || exit 80
umask "$users_umask"
HEPSUB_HOME_DIR=home.$proc
export HEPSUB_HOME_DIR

# The wrapper gets signals itself, being in the same process group; this shell only has to outlive it.
trap : HUP INT TERM USR1 USR2
"$bundle/wrapper.sh" "$@"
code=$?
trap - HUP INT TERM USR1 USR2
rm -rf "$bundle/home/home.$proc"
mv "home.$proc" "$bundle/home/" # what comes home
cd / && rm -rf "$scratch"
[ "$code" -le 128 ] || kill -$((code - 128)) $$
exit "$code"
