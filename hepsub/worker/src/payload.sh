# shellcheck shell=sh disable=SC2154,SC3044 # hs_exit is for the trap; bash has shopt
# The last shell before the payload: PRIVATE, whether and what LD_LIBRARY_PATH and LD_PRELOAD are, what comes in
# front of PYTHONPATH and PATH, and the payload's words.
hs_mark=$1/nostart
echo $$ >"$1/pid"
[ -z "$2" ] || export LD_LIBRARY_PATH="$3"
[ -z "$4" ] || export LD_PRELOAD="$5"
[ -z "$6" ] || export PYTHONPATH="$6${PYTHONPATH:+:$PYTHONPATH}"
[ -z "$7" ] || export PATH="$7${PATH:+:$PATH}"
shift 7
trap "hs_exit=\$?; : >\"\$hs_mark\"; exit \$hs_exit" EXIT
[ -z "${BASH_VERSION-}" ] || shopt -s execfail
exec "$@"
