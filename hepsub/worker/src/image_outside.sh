# shellcheck shell=sh
# The shell before the program that starts the image: PRIVATE, and its words. It has the number that signals go to.
echo $$ >"$1/pid"
shift
exec "$@"
