# shellcheck shell=sh disable=SC2154,SC3044 # hs_exit is for the trap; bash has shopt
# The last shell before the payload: PRIVATE, whether and what LD_LIBRARY_PATH, LD_PRELOAD and HOME are, what comes in
# front of PYTHONPATH and PATH, and the payload's words.
hs_mark=$1/nostart
: >"$1/begun"
[ -e "$1/pid" ] || echo $$ >"$1/pid"
[ -z "$2" ] || export LD_LIBRARY_PATH="$3"
[ -z "$4" ] || export LD_PRELOAD="$5"
[ -z "$6" ] || export HOME="$7"
[ -z "$8" ] || export PYTHONPATH="$8${PYTHONPATH:+:$PYTHONPATH}"
[ -z "$9" ] || export PATH="$9${PATH:+:$PATH}"
shift 9
trap "hs_exit=\$?; : >\"\$hs_mark\"; exit \$hs_exit" EXIT
[ -z "${BASH_VERSION-}" ] || shopt -s execfail
exec "$@"
