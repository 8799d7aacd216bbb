# The same as chirp.py: get CONFIG REMOTE LOCAL | set CONFIG ATTRIBUTE EXPRESSION.
# shellcheck shell=bash
LC_ALL=C
IFS=" " read -r host port cookie _ <"$2"
exec 5<>"/dev/tcp/$host/$port" || exit 1
ask() { printf "%s\n" "$1" >&5 && IFS= read -r -t 10 answer <&5 && [ "$answer" -ge 0 ]; }
quote() { quoted=${1//\\/\\\\} quoted=${quoted// /\\ } quoted=${quoted//$tab/\\$tab}; }
tab=$(printf "\t")
ask "cookie $cookie" || exit 1
quote "$3"; one=$quoted
case $1 in
    set) quote "$4"; ask "set_job_attr_delayed $one $quoted" ;;
    get) ask "getfile $one" && head -c "$answer" <&5 >"$4" && [ "$(wc -c <"$4")" -eq "$answer" ] ;;
esac
