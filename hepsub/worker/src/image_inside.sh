# shellcheck shell=sh
# The first shell in the image: PRIVATE, and its words. What starts images hands on the signals that it gets itself:
# the payload gets a session of its own, or it would have each signal twice. (Of what leads a group already, setsid
# makes a child for which it does not wait.)
hs_leader=$$
# shellcheck disable=SC2034 # the fields in front of the one that counts
read -r hs_pid hs_name hs_state hs_parent hs_leader hs_rest <"/proc/$$/stat"
hs_private=$1
shift
if [ "$hs_leader" != "$$" ] && command -v setsid >/dev/null; then
    rm "$hs_private/pid"
    exec setsid "$@"
fi
exec "$@"
