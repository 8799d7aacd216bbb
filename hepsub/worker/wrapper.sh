#!/bin/sh
# hepsub's wrapper: travels with a job, fetches its inputs, runs the payload, saves its outputs.
# Made by `python -m hepsub.worker.build` of the modules in hepsub/worker/src, which have the comments.
set -u
hs_version=1
hs_manifest_name=hepsub.manifest
hs_sums_name=hepsub.sums
hs_private=.hepsub
hs_creds=$hs_private/creds
hs_mail=$hs_private/mail
hs_home=${HEPSUB_HOME_DIR:-hepsub_home}
hs_lib=hepsub_lib
hs_refresh_s=${HEPSUB_REFRESH_S:-600}
hs_patience_s=${HEPSUB_PATIENCE_S:-900}
hs_stall_s=${HEPSUB_STALL_S:-60}
hs_pause_ms=${HEPSUB_PAUSE_MS:-1000}
hs_pause_max_ms=60000
hs_term_s=${HEPSUB_TERM_S:-60}
hs_walltime_term_s=10
hs_chirp_s=${HEPSUB_CHIRP_S:-20}
hs_kinit_s=${HEPSUB_KINIT_S:-20}
hs_letter_s=${HEPSUB_LETTER_S:-20}
hs_busy_s=2
hs_skew_s=300
hs_brief=2
hs_forever_s=86400
hs_last_s=2
hs_max_wrong=3
hs_letter_max=1048576
hs_e_contract=80 hs_e_input=81 hs_e_content=82 hs_e_start=83 hs_e_missing=84
hs_e_home=85 hs_e_walltime=86 hs_e_lost=87 hs_e_http=88 hs_e_unpack=89 hs_e_sent=90
hs_tab='	'
hs_cr=$(printf '\r')
hs_nl='
'
hs_1='' hs_2='' hs_3='' hs_4='' hs_5=''
hs_top=
hs_start=0
hs_library_path='' hs_had_library_path='' hs_preload='' hs_had_preload=''
hs_umask=022
hs_stage=before
hs_signal=
hs_code=0
hs_message=
hs_finished=
hs_job=-
hs_run=
hs_payload=
hs_payload_status=
hs_payload_signal=
hs_payload_s=0
hs_clock=
hs_killer=
hs_child=
hs_watchdog=
hs_nap=
hs_needs_http=
hs_by_url=
hs_trapped=
hs_forwarded=
hs_source=-
hs_submitdir=
hs_workdir=
hs_image=
hs_sealed=
hs_sealed_payload=
hs_sealed_image=
hs_isolation=
hs_strangers=null
hs_brings_new=
hs_old=
hs_confined=
hs_has_lib=
hs_lib_search=
hs_lib_python=
hs_lib_programs=
hs_walltime_s=
hs_grace_s=0
hs_payload_end=31536000
hs_deadline=31536000
hs_homelimit=
hs_putlimit=
hs_copy_bytes=4611686018427387904
hs_copy_files=1000000
hs_known=${hs_nl}items.txt${hs_nl}wrapper.sh${hs_nl}condor_exec.exe${hs_nl}_condor_stdout${hs_nl}_condor_stderr$hs_nl
hs_inputs=
hs_outputs=
hs_credentials=
hs_missing=
hs_kept=
hs_lost=
hs_moves=
hs_wake=0
hs_status=000
hs_stored=
hs_why=
hs_plain='abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&()*+,./:;<=>?@[]^_`{|}~'
decode() {
	hs_rest=$1 hs_text=
	while :; do
		case $hs_rest in
			*%*) hs_text=$hs_text${hs_rest%%"%"*} hs_rest=${hs_rest#*"%"} ;;
			*) break ;;
		esac
		case $hs_rest in
			09*) hs_text=$hs_text$hs_tab ;;
			0[aA]*) hs_text=$hs_text$hs_nl ;;
			25*) hs_text=$hs_text% ;;
			*) return 1 ;;
		esac
		hs_rest=${hs_rest#??}
	done
	hs_text=$hs_text$hs_rest
}
encode() {
	hs_text=$1
	case $1 in
		*%* | *"$hs_tab"* | *"$hs_nl"*) ;;
		*) return 0 ;;
	esac
	hs_rest=$1 hs_text=
	while [ -n "$hs_rest" ]; do
		case $hs_rest in
			%*) hs_text=$hs_text%25 hs_rest=${hs_rest#?} ;;
			"$hs_tab"*) hs_text=$hs_text%09 hs_rest=${hs_rest#?} ;;
			"$hs_nl"*) hs_text=$hs_text%0a hs_rest=${hs_rest#?} ;;
			*)
				hs_head=${hs_rest%%[%"$hs_tab$hs_nl"]*}
				hs_text=$hs_text$hs_head hs_rest=${hs_rest#"$hs_head"}
				;;
		esac
	done
}
bare() {
	hs_bare=${1%%"?"*}
	case $hs_bare in
		*://*@*)
			hs_authority=${hs_bare#*://}
			case ${hs_authority%%/*} in
				*@*) hs_bare=${hs_bare%%://*}://${hs_authority#*@} ;;
			esac
			;;
	esac
}
json() {
	case $1 in
		*[!"$hs_plain"-]*) ;;
		*) hs_json="\"$1\"" && return 0 ;;
	esac
	hs_json=$(printf '%sX' "$1" | LC_ALL=C awk '
BEGIN { for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i }
{ text = text (NR > 1 ? "\n" : "") $0 }
END {
	length_ = length(text) - 1
	for (i = 1; i <= length_; i += size) {
		c = substr(text, i, 1); b = ord[c]; size = 1
		if (c == "\"" || c == "\\") out = out "\\" c
		else if (b < 32 || b == 127) out = out sprintf("\\u%04x", b)
		else if (b < 128) out = out c
		else {
			want = (b >= 194 && b <= 223) ? 2 : (b >= 224 && b <= 239) ? 3 : (b >= 240 && b <= 244) ? 4 : 0
			low = (b == 224) ? 160 : (b == 240) ? 144 : 128
			high = (b == 237) ? 159 : (b == 244) ? 143 : 191
			good = want && i + want - 1 <= length_
			for (k = 1; good && k < want; k++) {
				next_ = ord[substr(text, i + k, 1)]
				if (next_ < low || next_ > high) good = 0
				low = 128; high = 191
			}
			if (good) { out = out substr(text, i, want); size = want }
			else out = out "\\ufffd"
		}
	}
	printf "\"%s\"", out
}
') && [ -n "$hs_json" ] || hs_json='"?"'
}
quote() {
	hs_rest=$1 hs_quoted=
	while :; do
		case $hs_rest in
			*[\\\"]*)
				hs_head=${hs_rest%%[\\\"]*}
				hs_rest=${hs_rest#"$hs_head"}
				case $hs_rest in
					\"*) hs_quoted=$hs_quoted$hs_head\\\" ;;
					*) hs_quoted=$hs_quoted$hs_head\\\\ ;;
				esac
				hs_rest=${hs_rest#?}
				;;
			*) break ;;
		esac
	done
	hs_quoted=$hs_quoted$hs_rest
}
classad() {
	quote "$(printf '%s' "$1" | LC_ALL=C tr '\001-\037\177' '?')"
	hs_string="\"$hs_quoted\""
}
base64_of_hex() {
	hs_base64=$(printf '%s\n' "$1" | LC_ALL=C awk '
{
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for (i = 1; i <= length($0); i++) {
		rest = rest * 16 + index("0123456789abcdef", substr($0, i, 1)) - 1
		bits += 4
		if (bits >= 6) { # busybox has an awk without powers
			bits -= 6
			power = bits ? 4 : 1
			out = out substr(letters, int(rest / power) + 1, 1)
			rest %= power
		}
	}
	if (bits) out = out substr(letters, rest * (bits == 2 ? 16 : 4) + 1, 1)
	while (length(out) % 4) out = out "="
	print out
}
')
}
iso() { hs_iso=$(date -u -d "@$1" '+%Y-%m-%dT%H:%M:%SZ') || hs_iso="$1 s after 1970"; }
hs_now=0
hs_bounded=0
hs_left=1
say() { printf 'hepsub: %s\n' "$*" >&9; }
verdict() {
	say "$2"
	[ "$hs_code" = 0 ] || return 0
	hs_code=$1 hs_message=$2
}
die() {
	verdict "$@"
	hs_finished=yes
	exit "$1"
}
now() { hs_now=$(date +%s); }
time_left() {
	now
	hs_left=$((hs_start + $1 - hs_now))
	[ "$hs_left" -le 0 ] || return 0
	hs_left=1
	return 1
}
nap() {
	hs_trapped=
	hs_nap=new
	sleep "$1" &
	hs_nap=$!
	if ! wait "$hs_nap"; then
		kill -KILL "$hs_nap"
		case $hs_trapped,$1 in
			,*.*) sleep 1 ;;
		esac
	fi
	hs_nap=
}
bounded() {
	hs_limit=$1
	shift
	"$@" </dev/null 3<&- 9>&- &
	hs_child=$!
	(
		trap 'kill -KILL $!; exit' ALRM
		nap "$hs_limit"
		kill -KILL "$hs_child"
	) >/dev/null 3<&- 9>&- &
	hs_watchdog=$!
	await "$hs_child"
	hs_bounded=$?
	hs_child=
	kill -ALRM "$hs_watchdog"
	wait "$hs_watchdog"
	hs_watchdog=
	return "$hs_bounded"
}
await() {
	while :; do
		hs_trapped=
		wait "$1"
		hs_awaited=$?
		[ -n "$hs_trapped" ] && kill -0 "$1" || return "$hs_awaited"
	done
}
signal_number() {
	case $1 in
		HUP) echo 1 ;; INT) echo 2 ;; QUIT) echo 3 ;; USR1) echo 10 ;; USR2) echo 12 ;;
		*) echo 15 ;;
	esac
}
heed() {
	[ -n "$hs_signal" ] || return 0
	hs_code=$((128 + $(signal_number "$hs_signal"))) hs_message="ended by SIG$hs_signal before the payload was started"
	say "$hs_message"
	hs_finished=yes
	exit "$hs_code"
}
size_of() {
	hs_size=$(stat -L -c %s "$1") || hs_size=$(wc -c <"$1") || hs_size=0
	hs_size=$((hs_size))
}
checksum() {
	checksum_file "$1" "$2" >"$hs_private/sum" &
	hs_child=$!
	await "$hs_child"
	hs_child=
	hs_sum=-
	read -r hs_sum hs_rest <"$hs_private/sum"
	case $hs_sum in
		'' | *[!0-9a-f]*) hs_sum=- ;;
	esac
}
checksum_file() {
	"${1}sum" <"$2" ||
		{ openssl dgst "-$1" -r <"$2" | grep .; } ||
		python3 -IS -c '
import hashlib
import sys
digest = hashlib.new(sys.argv[1])
for block in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
	digest.update(block)
print(digest.hexdigest())
' "$1" <"$2"
}
with_umask() (
	umask "$hs_umask"
	"$@"
)
make_parent() {
	[ -d "${1%/*}" ] || with_umask mkdir -p "${1%/*}"
}
find_programs() {
	hs_found='' hs_found_first=''
	for hs_program in "$@"; do
		hs_program=$(command -v "$hs_program") || continue
		[ -n "$hs_found" ] || hs_found_first=$hs_program
		case " $hs_found " in
			*" $hs_program "*) ;;
			*) hs_found="$hs_found${hs_found:+ }$hs_program" ;;
		esac
	done
}
check_sent() {
	hs_seal=${HEPSUB_SEAL--}
	unset HEPSUB_SEAL
	[ "$hs_seal" != - ] || return 0
	{ mv "$hs_sums_name" "$hs_private/sums" && checksum sha256 "$hs_private/sums" && [ "$hs_sum" = "$hs_seal" ]; } ||
		die "$hs_e_sent" "$hs_sums_name is not what was submitted: the job is not run"
	hs_sealed=yes
	while IFS=$hs_tab read -r hs_1 hs_2 hs_3 <&4; do
		check_sent_line "$hs_1" "$hs_2" "$hs_3" 4<&-
	done 4<"$hs_private/sums"
}
check_sent_line() {
	heed
	case $1 in
		payload) hs_sealed_payload=$2 ;;
		image) decode "$2" && hs_sealed_image=$hs_text ;;
		sha256)
			decode "$3" && [ -f "./$hs_text" ] || return 0
			hs_name=$hs_text
			checksum sha256 "./$hs_name"
			[ "$hs_sum" = "$2" ] || die "$hs_e_sent" "'$hs_name' is not what was submitted: the job is not run"
			;;
	esac
}
sealed_as() {
	[ -n "$hs_sealed" ] || return 1
	while IFS=$hs_tab read -r hs_1 hs_must hs_3; do
		[ "$hs_1,$hs_3" = "sha256,$1" ] && return 0
	done <"$hs_private/sums"
	return 1
}
look_at_neighbours() {
	[ -n "$hs_isolation" ] && [ -r "${_CONDOR_JOB_AD-}" ] || return 0
	hs_strangers=0
	hs_mine=$(owner_in "$_CONDOR_JOB_AD")
	for hs_name in "${_CONDOR_JOB_AD%/*}"/../dir_*/.job.ad; do
		[ -r "$hs_name" ] && [ "$(owner_in "$hs_name")" != "$hs_mine" ] && hs_strangers=$((hs_strangers + 1))
	done
	[ "$hs_strangers" = 0 ] ||
		say "this site does not keep its users apart ($hs_strangers job(s) of others can be read here), though the policy says isolation = \"$hs_isolation\": tell its administrators"
}
owner_in() { sed -n 's/^[Uu]ser *= *//p' "$1" | head -n 1; }
hs_url=
broken() { die "$hs_e_contract" "$hs_manifest_name: $*"; }
each_line() {
	while IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_4 hs_5 hs_rest_of_line <&4 || [ -n "$hs_1" ]; do
		"$1" "$hs_1" "$hs_2" "$hs_3" "$hs_4" "$hs_5" 4<&-
		hs_1=
	done 4<"$hs_private/manifest"
}
read_manifest() {
	IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_rest_of_line <"$hs_private/manifest"
	[ "$hs_1" = hepsub-manifest ] || broken "its first line is not that of a manifest"
	[ "$hs_2" = "$hs_version" ] || broken "version $hs_2, but this wrapper knows version $hs_version only: reinstall hepsub"
	[ -n "$hs_3" ] || broken "it names no job"
	hs_job=$hs_3
	each_line read_line
	[ -n "$hs_payload" ] || broken "it names no payload"
}
hs_lines='
hepsub-manifest: 1 JOBID
payload: PATH
submitdir: PATH
workdir: PATH
credential: NAME KIND FILE SOURCE
condorcred: NAME KIND SERVICE
environment: FILE
mailbox: KEYFILE CERTFILE
letter: KIND ID SERIAL URL
ca: PREFIX FILE
isolation: KIND
image: IMAGE
bind: PATH
newfiles:
confined:
source: PATH
walltime: SECONDS GRACE
homelimit: BYTES
putlimit: BYTES
sent: NAME
copylimit: BYTES FILES
copy: NAME PATH
link: NAME PATH
input: NAME SIZE CHECKSUM URL
library: NAME KIND FILE
output: NAME FLAGS URL
glob: PATTERN FLAGS URL FORM
move: NAME FLAGS PATH
home: NAME FLAGS -
moveglob: PATTERN FLAGS PATH
homeglob: PATTERN FLAGS -
unmark: URL
marker: URL
'
read_line() {
	hs_words=${hs_lines#*"$hs_nl$1:"}
	if [ "$hs_words" = "$hs_lines" ]; then
		case $1 in
			[a-z]*) return 0 ;;
			*) broken "a line that this wrapper does not know begins with '$1': reinstall hepsub" ;;
		esac
	fi
	check_fields "${hs_words%%"$hs_nl"*}" "$@"
	use_line "$@"
}
check_fields() {
	hs_fields=$1 hs_kind_of_line=$2 hs_called=$3
	shift 2
	for hs_word in $hs_fields; do
		check_field "$1" "$hs_kind_of_line,$hs_word" "$hs_called"
		shift
	done
}
check_field() {
	case $2 in
		*,- | *,SERVICE | hepsub-manifest,*) ;;
		credential,NAME | condorcred,NAME | submitdir,PATH | payload,PATH | source,PATH | ca,PREFIX | isolation,KIND) path "$1" ;;
		library,NAME)
			path "$1"
			case $hs_text in
				*/* | . | ..) broken "'$1' is not the name of a library" ;;
			esac
			;;
		library,FILE | *,NAME | *,PATTERN) inside "$1" ;;
		image,IMAGE)
			path "$1"
			case $hs_text in
				/* | *://*) ;;
				*) inside "$1" ;;
			esac
			;;
		mailbox,KEYFILE | mailbox,CERTFILE) file_name "$1" "a key of the mailbox" ;;
		letter,ID) path "$1" ;;
		letter,SERIAL) is_serial "$1" || broken "'$1' is not the serial of a letter" ;;
		ca,FILE) file_name "$1" "an authority" ;;
		credential,FILE) file_name "$1" "the credential $3" ;;
		environment,FILE) inside "$1" ;;
		*,PATH) absolute "$1" ;;
		*,SOURCE) [ "$1" = - ] || absolute "$1" ;;
		*,SIZE) [ "$1" = - ] || number "$1" ;;
		*,SECONDS | *,GRACE | *,BYTES | *,FILES) number "$1" ;;
		*,CHECKSUM)
			case $1 in
				- | md5:* | sha256:*) ;;
				*) broken "checksum of $3: neither md5:… nor sha256:… nor -" ;;
			esac
			;;
		library,KIND)
			case $1 in
				dir | file) ;;
				*) broken "the library $3 is of the kind '$1', which this wrapper does not know: reinstall hepsub" ;;
			esac
			;;
		letter,KIND)
			case $1 in
				manifest | credentials) ;;
				*) broken "a letter is of the kind '$1', which this wrapper does not know: reinstall hepsub" ;;
			esac
			;;
		*,KIND)
			case $1 in
				kerberos | token) ;;
				*) broken "the credential $3 is of the kind '$1', which this wrapper does not know: reinstall hepsub" ;;
			esac
			;;
		*,FLAGS)
			case $1 in
				- | '?') ;;
				*) broken "flags '$1' of $3" ;;
			esac
			;;
		marker,URL | unmark,URL) url "$1" "the marker" ;;
		letter,URL) web "$1" "the letter" ;;
		*,URL) url "$1" "$3" ;;
		*,FORM) [ -n "$1" ] || broken "no form for the pattern $3" ;;
	esac
}
use_line() {
	case $1 in
		payload) use_payload "$2" ;;
		submitdir) decode "$2" && hs_submitdir=$hs_text ;;
		workdir) decode "$2" && hs_workdir=$hs_text ;;
		condorcred)
			case $3,$4 in
				kerberos,* | token,[!-/]*) ;;
				*) broken "'$4' is not the service of the credential $2" ;;
			esac
			;;
		environment) check_environment "$2" ;;
		ca) decode "$2" && printf '%s\t%s\n' "$hs_text" "$3" >>"$hs_private/authorities" ;;
		isolation) decode "$2" && hs_isolation=$hs_text ;;
		image) use_image "$2" ;;
		bind) printf '%s\n' "$2" >>"$hs_private/binds" ;;
		newfiles) hs_brings_new=yes ;;
		confined) hs_confined=yes ;;
		source) decode "$2" && hs_source=$hs_text ;;
		walltime)
			hs_walltime_s=$2 hs_grace_s=$3
			[ "$hs_grace_s" -lt "$hs_walltime_s" ] || hs_grace_s=$((hs_walltime_s / 2))
			;;
		homelimit) hs_homelimit=$2 ;;
		putlimit) hs_putlimit=$2 ;;
		copylimit) hs_copy_bytes=$2 hs_copy_files=$3 ;;
		sent | copy | link | input) decode "$2" && known "$hs_text" ;;
		library) hs_has_lib=yes ;;
		letter) note_serial "$2" "$4" ;;
		output | glob | marker) hs_by_url=yes ;;
		move | moveglob) hs_moves=yes ;;
	esac
}
use_payload() {
	decode "$1"
	hs_payload=$hs_text
	case $hs_payload in
		/*) ;;
		*) inside "$1" && hs_payload=./$hs_text && known "$hs_text" ;;
	esac
	[ -z "$hs_sealed_payload" ] || [ "$1" = "$hs_sealed_payload" ] ||
		die "$hs_e_sent" "the manifest names '$hs_text' as the payload, which is not what was submitted"
}
use_image() {
	decode "$1" && hs_image=$hs_text
	case $hs_image in
		/* | *://*) ;;
		*) hs_image=./$hs_image ;;
	esac
}
known() { hs_known=$hs_known$1$hs_nl; }
path() { { decode "$1" && [ -n "$hs_text" ]; } || broken "'$1' is not a path"; }
absolute() {
	path "$1"
	case $hs_text in
		/*) ;;
		*) broken "'$1' is not an absolute path" ;;
	esac
}
inside() {
	path "$1"
	case /$hs_text/ in
		//* | */../* | */./* | *//*) broken "'$1' is not a name inside the job's directory" ;;
		"/$hs_private/"* | "/$hs_home/"* | "/$hs_lib/"*) broken "'$1' is a name that hepsub needs for itself" ;;
	esac
}
file_name() {
	inside "$1"
	case $hs_text in
		*/*) broken "'$1' is not the file name of $2" ;;
	esac
}
number() {
	case $1 in
		'' | *[!0-9]*) broken "'$1' is not a number" ;;
	esac
}
url() {
	web "$@"
	hs_needs_http=yes
}
web() {
	case $1 in
		http://*/* | https://*/*) ;;
		*) broken "the URL of $2 is neither http:// nor https://" ;;
	esac
}
refresh() {
	hs_new=$hs_private/$1
	rm -f "$hs_new"
	if [ "$hs_source" != - ] && reach_source "$hs_new"; then
		mv -f "$hs_new" "$hs_private/manifest"
	else
		take_letter manifest
	fi
}
reach_source() {
	{ bounded "$hs_chirp_s" cat "$hs_source" >"$1" && is_ours "$1"; } ||
		{ chirp get "$hs_source" "$1" && is_ours "$1"; }
}
has_newer() { [ "$hs_source" != - ] || [ -n "$hs_mailbox" ]; }
is_ours() {
	hs_1='' hs_3=''
	IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_rest_of_line <"$1"
	[ "$hs_1 $hs_2 $hs_3" = "hepsub-manifest $hs_version $hs_job" ]
}
look_up() {
	bare "$3"
	hs_old_bare=$hs_bare
	while IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_4 hs_5 hs_rest_of_line || [ -n "$hs_1" ]; do
		[ "$hs_1" = "$1" ] || continue
		case $1 in
			input) hs_candidate=$hs_5 ;;
			marker | unmark) hs_candidate=$hs_2 hs_2=$2 ;;
			*) hs_candidate=$hs_4 ;;
		esac
		[ "$hs_2" = "$2" ] || continue
		bare "$hs_candidate"
		[ "$hs_bare" = "$hs_old_bare" ] || continue
		hs_url=$hs_candidate
		[ "$1" = glob ] && hs_form=$hs_5
		return 0
	done <"$hs_private/manifest"
}
hs_chirp_config=
hs_chirp_program=
hs_chirp_ways=
hs_phase=
hs_since=0
hs_away=
find_chirp() {
	for hs_chirp_config in "${_CONDOR_CHIRP_CONFIG-}" "${_CONDOR_SCRATCH_DIR:-.}/.chirp.config" .chirp.config ''; do
		[ -n "$hs_chirp_config" ] && [ -r "$hs_chirp_config" ] && break
	done
	[ -n "$hs_chirp_config" ] || return 0
	find_programs condor_chirp /usr/libexec/condor/condor_chirp /usr/lib/condor/libexec/condor_chirp
	hs_chirp_program=$hs_found_first
	hs_chirp_ways=${hs_found:+program}
	for hs_way in python3 bash; do
		! command -v "$hs_way" >/dev/null || hs_chirp_ways="$hs_chirp_ways $hs_way"
	done
}
chirp() {
	for hs_way in $hs_chirp_ways; do
		[ -z "$hs_signal" ] || return 1
		bounded "$hs_chirp_s" "chirp_by_$hs_way" "$@" || continue
		: >"$hs_private/chirped"
		hs_chirp_ways=$hs_way
		return 0
	done
	return 1
}
chirp_by_program() {
	case $1 in
		get) exec "$hs_chirp_program" fetch "$2" "$3" >/dev/null ;;
		set) exec "$hs_chirp_program" set_job_attr_delayed "$2" "$3" >/dev/null ;;
	esac
}
chirp_by_python3() {
	exec python3 -IS -c '
import socket
import sys
verb, config, one, two = sys.argv[1:]
def quote(text: str) -> str:
	return "".join("\\" + c if c in "\\ \t\r\n" else c for c in text)
def ask(line: str) -> int:
	stream.write(line.encode("utf-8", "surrogateescape") + b"\n")
	stream.flush()
	answer = int(stream.readline())
	if answer < 0:
		sys.exit(1)
	return answer
with open(config) as file:
	host, port, cookie = file.read().split()[:3]
stream = socket.create_connection((host, int(port)), 10).makefile("rwb")
ask("cookie " + cookie)
if verb == "set":
	ask("set_job_attr_delayed " + quote(one) + " " + quote(two))
else:
	size = ask("getfile " + quote(one))
	body = stream.read(size)
	if len(body) != size:
		sys.exit(1)
	with open(two, "wb") as local:
		local.write(body)
' "$1" "$hs_chirp_config" "$2" "$3"
}
chirp_by_bash() {
	exec bash --norc --noprofile -c '
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
' hepsub "$1" "$hs_chirp_config" "$2" "$3"
}
phase() {
	hs_phase=$1
	now
	hs_since=$hs_now
	[ -z "$hs_chirp_ways" ] || chirp set ChirpHepSub_Phase "\"$1\""
	tell_stage
}
tell_stage() {
	printf '%s\n' "$hs_phase $hs_since${hs_away:+ $hs_away}" >"$hs_home/stage"
	[ -n "$hs_chirp_ways" ] || return 0
	classad "$hs_phase $hs_since${hs_away:+ $hs_away}"
	chirp set ChirpHepSub_Stage "$hs_string"
}
count_run() {
	[ -r "${_CONDOR_JOB_AD:-.job.ad}" ] || return 0
	hs_run=1
	while IFS=' =' read -r hs_1 hs_2 hs_rest_of_line; do
		case $hs_1,$hs_2 in
			*,*[!0-9]* | *,) ;;
			[Nn]um[Jj]ob[Ss]tarts,*) hs_run=$((hs_2 + 1)) ;;
		esac
	done <"${_CONDOR_JOB_AD:-.job.ad}"
}
forget_told() {
	[ -n "$hs_chirp_ways" ] || return 0
	for hs_name in Lost Stage; do
		! grep -q -i "^ChirpHepSub_$hs_name *= *\"" "${_CONDOR_JOB_AD:-.job.ad}" ||
			chirp set "ChirpHepSub_$hs_name" undefined
	done
}
hs_mailbox=
hs_openssl=
hs_letter_id='' hs_letter_serial=0 hs_letter_url='' hs_letter_etag=''
hs_letter_bytes=0
hs_letter_end=1
hs_answer=
hs_letter_asked=0
hs_letters_read=
take_keys() {
	mkdir "$hs_mail"
	take_key "$1" recipient.pem
	take_key "$2" signer.crt
	[ -s "$hs_mail/recipient.pem" ] && [ -s "$hs_mail/signer.crt" ] && hs_mailbox=yes && return 0
	say "the keys of the mailbox were not sent: newer credentials and URLs do not come by it"
}
take_key() {
	file_named "$1" || return 0
	[ -L "./$hs_text" ] || [ ! -f "./$hs_text" ] || cat "./$hs_text" >"$hs_mail/$2"
	rm -f "./$hs_text"
}
note_serial() { printf '%s\n' "$2" >"$hs_private/serial.$1"; }
open_mailbox() {
	[ -n "$hs_mailbox" ] || return 0
	read_address
	refresh new
	heed
}
read_address() {
	[ -r "${_CONDOR_JOB_AD:-.job.ad}" ] && find_letter manifest || return 0
	hs_2=$(LC_ALL=C sed -n 's|^HepSub_Letter *= *"\(https\{0,1\}://[^"[:space:]\\]*\)"$|\1|p' \
		"${_CONDOR_JOB_AD:-.job.ad}" | head -n 1)
	[ -z "$hs_2" ] ||
		printf 'letter\tmanifest\t%s\t%s\t%s\n' "$hs_letter_id" "$hs_letter_serial" "$hs_2" >>"$hs_private/manifest"
}
take_letter() {
	[ -n "$hs_mailbox" ] && find_letter "$1" && can_open && fetch_letter "$1" && open_letter "$1" || return 1
	remember_etag "$1"
	if ! is_newer "$1"; then
		not_taken "$1"
		return 1
	fi
	case $1 in
		manifest) mv -f "$hs_mail/letter" "$hs_private/manifest" ;;
		*) mv -f "$hs_mail/letter" "$hs_mail/credentials" ;;
	esac
	note_serial "$1" "$hs_serial"
	rm -f "$hs_mail/why"
}
find_letter() {
	hs_letter_url=
	while IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_4 hs_5 hs_rest_of_line || [ -n "$hs_1" ]; do
		{ [ "$hs_1,$hs_2" = "letter,$1" ] && is_serial "$hs_4"; } || continue
		hs_letter_id=$hs_3 hs_letter_serial=$hs_4 hs_letter_url=$hs_5
	done <"$hs_private/manifest"
	case $hs_letter_url in
		http://*/* | https://*/*) ;;
		*) return 1 ;;
	esac
	[ -e "$hs_private/serial.$1" ] || return 0
	read -r hs_2 <"$hs_private/serial.$1"
	[ "$1" = manifest ] && is_larger "$hs_letter_serial" "$hs_2" || hs_letter_serial=$hs_2
}
can_open() {
	[ "$hs_openssl" != - ] || return 1
	[ -z "$hs_openssl" ] || return 0
	find_openssl
	[ "$hs_openssl" = - ] || ! find_http || return 0
	hs_lack="no openssl"
	[ "$hs_openssl" = - ] || hs_lack="neither curl nor python3"
	hs_openssl=-
	[ -e "$hs_private/said.openssl" ] ||
		say "$hs_lack on $(uname -n): newer credentials and URLs do not come by the mailbox, the job goes on with what it has"
	: >"$hs_private/said.openssl"
	return 1
}
find_openssl() {
	hs_openssl=${HEPSUB_OPENSSL-}
	[ -z "$hs_openssl" ] || return 0
	find_programs openssl /usr/bin/openssl /usr/local/bin/openssl
	for hs_openssl in $hs_found -; do
		[ "$hs_openssl" = - ] || ! "$hs_openssl" version >/dev/null || return 0
	done
}
fetch_letter() {
	may_ask || return 1
	hs_letter_begun=$hs_now
	[ "$1" != manifest ] || hs_letter_asked=$hs_now
	bound_letter "$1"
	hs_letter_etag=
	[ ! -e "$hs_mail/etag.$1" ] || read -r hs_letter_etag <"$hs_mail/etag.$1"
	rm -f "$hs_mail/sealed"
	hs_kept_status=$hs_status hs_exchange=$hs_mail
	exchange letter "$hs_letter_url" "$hs_mail/sealed" "$hs_letter_end" "$hs_letter_s"
	hs_answer=$hs_exit,$hs_status
	hs_exchange=$hs_private hs_status=$hs_kept_status
	[ -z "$hs_signal" ] || return 1
	size_of "$hs_mail/sealed"
	case $hs_answer,$((hs_size > hs_letter_bytes)) in
		63,* | *,1)
			hs_flaw="it is larger than $hs_letter_bytes bytes"
			not_taken "$1"
			;;
		0,2*) return 0 ;;
		*,[345]??,*)
			miss_letter
			return 1
			;;
		*) miss_letter ;;
	esac
	leave_alone "$hs_letter_begun"
	return 1
}
bound_letter() {
	hs_letter_bytes=$hs_letter_max
	[ "$1" = manifest ] || return 0
	size_of "$hs_private/manifest"
	[ $((hs_size * 4)) -le "$hs_letter_bytes" ] || hs_letter_bytes=$((hs_size * 4))
}
may_ask() {
	has_time || return 1
	hs_letter_end=$((hs_letter_s * 3))
	[ "$hs_letter_end" -le $((hs_left / 4)) ] || hs_letter_end=$((hs_left / 4))
	[ "$hs_letter_end" -gt 0 ] || return 1
	[ ! -e "$hs_mail/later" ] || ! read -r hs_2 <"$hs_mail/later" || [ "$hs_now" -ge "$hs_2" ]
}
leave_alone() {
	now
	hs_letter_took=$((hs_now - $1))
	[ "$hs_letter_took" -lt "$hs_busy_s" ] && [ "$hs_letter_took" -lt "$hs_letter_s" ] ||
		printf '%s\n' $((hs_now + hs_refresh_s)) >"$hs_mail/later"
}
miss_letter() {
	hs_2=${hs_answer#*,}
	case $hs_2 in
		304) [ -e "$hs_mail/why" ] && return 0 || hs_2="nobody has written a newer letter" ;;
		404) hs_2="nobody has written a letter (HTTP 404)" ;;
		40[013]) hs_2="the URL of the letter is not, or no longer, good (HTTP $hs_2)" ;;
		000) hs_2="the store does not answer (code ${hs_answer%,*})" ;;
		2*) hs_2="the connection broke (code ${hs_answer%,*})" ;;
		*) hs_2="HTTP $hs_2" ;;
	esac
	printf '%s\n' "$hs_2" >"$hs_mail/why"
}
not_taken() {
	rm -f "$hs_mail/sealed" "$hs_mail/signed" "$hs_mail/opened" "$hs_mail/letter"
	hs_2="nobody has written a newer letter"
	[ -z "$hs_flaw" ] || hs_2="the letter there is not taken: $hs_flaw"
	printf '%s\n' "$hs_2" >"$hs_mail/why"
	[ -n "$hs_flaw" ] && [ ! -e "$hs_private/said.$1" ] || return 0
	: >"$hs_private/said.$1"
	say "a letter in the mailbox is not taken: $hs_flaw; the job goes on with the $1 it has"
}
tell_mailbox() {
	[ -n "$hs_mailbox" ] && [ -s "$hs_mail/why" ] && [ ! -e "$hs_private/said.mailbox" ] || return 0
	: >"$hs_private/said.mailbox"
	read -r hs_2 <"$hs_mail/why"
	say "nothing newer came by the mailbox: $hs_2"
}
remember_etag() {
	hs_exchange=$hs_mail
	header etag
	hs_exchange=$hs_private
	rm -f "$hs_mail/etag.$1"
	[ -z "$hs_header" ] || printf '%s\n' "$hs_header" >"$hs_mail/etag.$1"
}
limit_letter() {
	ulimit -c 0
	ulimit -f $((hs_letter_bytes / 512 + 8))
}
hs_flaw=
hs_serial=
open_letter() {
	rm -f "$hs_mail/signed" "$hs_mail/opened" "$hs_mail/who"
	hs_flaw=
	bounded "$hs_letter_s" decrypt_letter || hs_flaw="it is not sealed for this job"
	if [ -z "$hs_flaw" ]; then
		{ bounded "$hs_letter_s" verify_letter && [ -s "$hs_mail/who" ]; } ||
			hs_flaw="it is not signed by the submit host"
	fi
	rm -f "$hs_mail/sealed" "$hs_mail/signed"
	[ -n "$hs_flaw" ] || return 0
	[ -z "$hs_signal" ] || return 1
	if [ "$hs_bounded" -gt 128 ]; then hs_flaw="openssl cannot read it (code $hs_bounded)"; else remember_etag "$1"; fi
	not_taken "$1"
	return 1
}
decrypt_letter() {
	export OPENSSL_CONF=/dev/null
	exec "$hs_openssl" cms -decrypt -inform DER -in "$hs_mail/sealed" \
		-recip "$hs_mail/recipient.pem" -inkey "$hs_mail/recipient.pem" -out "$hs_mail/signed"
}
verify_letter() {
	export OPENSSL_CONF=/dev/null
	exec "$hs_openssl" cms -verify -binary -inform DER -in "$hs_mail/signed" -noverify -nointern \
		-certfile "$hs_mail/signer.crt" -signer "$hs_mail/who" -out "$hs_mail/opened"
}
is_newer() {
	hs_1='' hs_2=''
	{ IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_4 hs_serial && cat >"$hs_mail/letter"; } <"$hs_mail/opened"
	rm -f "$hs_mail/opened"
	hs_flaw="it is no letter of hepsub's"
	[ "$hs_1 $hs_2" = "hepsub-letter $hs_version" ] && is_serial "$hs_serial" || return 1
	hs_flaw="it is for another job"
	[ "$hs_3,$hs_4" = "$1,$hs_letter_id" ] || return 1
	hs_flaw=
	[ "$hs_serial" != "$hs_letter_serial" ] || return 1
	hs_flaw="it is older than what the job has"
	is_larger "$hs_serial" "$hs_letter_serial" || return 1
	hs_flaw="it is not whole"
	case $1 in
		manifest) is_ours "$hs_mail/letter" ;;
		*) credential_in_letter - "$hs_mail/letter" >/dev/null ;;
	esac
}
is_serial() {
	case $1 in
		'' | *[!0-9]* | 0?* | ?????????????????*) return 1 ;;
	esac
}
is_larger() {
	if [ "${#1}" -ne "${#2}" ]; then
		[ "${#1}" -gt "${#2}" ]
		return
	fi
	hs_high=${1%????????} hs_other_high=${2%????????}
	case $1 in
		?????????*) ;;
		*) hs_high=0 hs_other_high=0 ;;
	esac
	[ "$hs_high" -gt "$hs_other_high" ] ||
		{ [ "$hs_high" -eq "$hs_other_high" ] && [ "1${1#"$hs_high"}" -gt "1${2#"$hs_high"}" ]; }
}
credential_in_letter() {
	HS_FILE=$1 LC_ALL=C awk '
BEGIN {
	FS = "\t"
	wanted = ENVIRON["HS_FILE"] ""
}
left > 0 {
	if (length($0) > 76 || $0 !~ /^[A-Za-z0-9+\/]+=*$/) bad = 1
	if (mine) text = text $0 "\n"
	left--
	next
}
{
	if (NF != 3 || $1 != "file" || $2 == "" || $3 !~ /^[0-9]+$/ || length($3) > 6) {
		bad = 1
		exit
	}
	left = $3 + 0
	mine = ($2 "" == wanted)
}
END {
	if (bad || left > 0) exit 1
	printf "%s", text
}
' "$2"
}
from_letter() {
	[ -n "$hs_mailbox" ] || return 1
	if [ -z "$hs_letters_read" ]; then
		hs_letters_read=yes
		now
		[ $((hs_now - hs_letter_asked)) -lt "$hs_busy_s" ] || take_letter manifest
		take_letter credentials
	fi
	[ -s "$hs_mail/credentials" ] || return 1
	credential_in_letter "$hs_cred_name" "$hs_mail/credentials" | "$hs_openssl" base64 -d >"$1"
}
hs_row='' hs_how='' hs_cred='' hs_kind='' hs_cred_name='' hs_cred_source=''
hs_cred_path='' hs_state=missing hs_begins=- hs_ends=- hs_renews=-
hs_variable='' hs_value=''
hs_ticket='' hs_token=''
take_credentials() {
	mkdir "$hs_creds"
	hs_row=0
	each_line take_line
}
take_line() {
	case $1 in
		credential)
			file_named "$4" || return 0
			if [ -f "./$hs_text" ]; then
				cat "./$hs_text" >"$hs_creds/$hs_text"
				rm -f "./$hs_text"
			fi
			add_credential file "$2" "$3" "$4" "${5:--}"
			;;
		condorcred) add_credential condor "$2" "$3" "condor.$hs_row.token" "${4:--}" ;;
		mailbox) [ -e "$hs_mail" ] || take_keys "$2" "$3" ;;
		environment) file_named "$2" && [ -f "./$hs_text" ] && mv -f "./$hs_text" "$hs_private/environment" ;;
		ca) file_named "$3" && [ -f "./$hs_text" ] && mv -f "./$hs_text" "$hs_creds/$hs_text" ;;
	esac
}
file_named() {
	decode "$1" || return 1
	case $hs_text in
		'' | . | .. | */*) return 1 ;;
	esac
}
add_credential() {
	case $3 in
		kerberos | token) ;;
		*) return 0 ;;
	esac
	hs_row=$((hs_row + 1))
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$hs_row" "$@" >>"$hs_private/credentials"
}
each_credential() {
	[ -s "$hs_private/credentials" ] || return 0
	while IFS=$hs_tab read -r hs_row hs_how hs_cred hs_kind hs_cred_name hs_cred_source <&4; do
		"$1" 4<&-
	done 4<"$hs_private/credentials"
}
check_environment() {
	[ -f "$hs_private/environment" ] || die "$hs_e_input" "$1, which holds variables of this job, was not sent"
	each_variable :
}
each_variable() {
	[ -f "$hs_private/environment" ] || return 0
	while IFS=$hs_tab read -r hs_variable hs_lines_left <&5 || [ -n "$hs_variable" ]; do
		case $hs_variable in
			'' | [0-9]* | *[!A-Za-z0-9_]* | hs_*) broken "the variables beside it have a name that a shell cannot set" ;;
		esac
		number "$hs_lines_left"
		hs_value='' hs_between=''
		while [ "$hs_lines_left" -gt 0 ]; do
			IFS='' LC_ALL=C read -r hs_line <&5 || broken "the value of the variable $hs_variable beside it is cut off"
			hs_value=$hs_value$hs_between$hs_line hs_between=$hs_nl hs_lines_left=$((hs_lines_left - 1))
		done
		"$1" 5<&-
	done 5<"$hs_private/environment"
}
set_variable() { export "$hs_variable=$hs_value"; }
sweep() {
	[ -n "${_CONDOR_SCRATCH_DIR-}" ] && [ "$(cd "$_CONDOR_SCRATCH_DIR" && pwd -P)" = "$(pwd -P)" ] || return 0
	rm -f ./krb5cc_* ./*.token ./hepsub.environment ./hepsub.letters.*
}
present() {
	case $hs_how,$hs_kind in
		condor,kerberos) hs_cred_path=${KRB5CCNAME-} hs_cred_path=${hs_cred_path#FILE:} ;;
		*) decode "$hs_cred_name" && hs_cred_path=$hs_creds/$hs_text ;;
	esac
}
look() {
	hs_begins=- hs_ends=- hs_renews=-
	[ -s "$1" ] || return 1
	hs_seen=$("look_$hs_kind" "$1") || {
		[ "$hs_kind" = kerberos ] || return 1
		nap 0.2
		hs_seen=$(look_kerberos "$1") || return 1
	}
	set -- $hs_seen
	hs_begins=$1 hs_ends=$2 hs_renews=$3
}
look_kerberos() {
	od -An -v -tu1 -N 1048576 "$1" | LC_ALL=C awk '
{ for (i = 1; i <= NF; i++) byte[n++] = $i }
function number(size,   value) {
	if (bad || at + size > n) { bad = 1; return 0 }
	while (size-- > 0) value = value * 256 + byte[at++]
	return value + 0
}
function skip(size) { if (bad || at + size > n) bad = 1; else at += size }
function text(   size, out) {
	size = number(4)
	if (bad || at + size > n) { bad = 1; return "" }
	while (size-- > 0) out = out byte[at++] " "
	return out
}
function principal(   left) {
	number(4); left = number(4); realm = text(); name = ""
	while (left-- > 0 && !bad) name = name text() "/"
}
function list(   left) {
	left = number(4)
	while (left-- > 0 && !bad) { number(2); skip(number(4)) }
}
END {
	if (n < 4 || byte[0] != 5 || (byte[1] != 3 && byte[1] != 4)) exit 1
	at = 2
	if (byte[1] == 4) skip(number(2))
	principal()
	home = realm
	while (at < n && !bad) {
		principal(); principal()
		is_tgt = realm == home && name == "107 114 98 116 103 116 /" home "/" # krbtgt
		skip(byte[1] == 3 ? 4 : 2); skip(number(4))
		auth = number(4); start = number(4); end = number(4); renew = number(4)
		skip(5); list(); list(); skip(number(4)); skip(number(4))
		if (is_tgt && end > ends) { begins = start ? start : auth; ends = end; renews = renew }
	}
	if (bad || !ends) exit 1
	printf "%.0f %.0f %.0f\n", begins, ends, renews
}
'
}
look_token() {
	LC_ALL=C awk '
NR == 1 { token = $0; sub(/\r$/, "", token) }
NR > 1 && NF { more = 1 }
function decoded(text,   i, rest, bits, power, out) {
	for (i = 1; i <= length(text); i++) {
		rest = rest * 64 + index(letters, substr(text, i, 1)) - 1
		bits += 6
		if (bits < 8) continue
		bits -= 8
		power = bits == 4 ? 16 : bits == 2 ? 4 : 1
		out = out character[int(rest / power)]
		rest %= power
	}
	return out
}
END {
	if (token == "" || more || token ~ /[^!-~]/) exit 1
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for (i = 32; i < 127; i++) character[i] = sprintf("%c", i)
	ends = "-"
	if (split(token, part, ".") == 3) {
		gsub(/-/, "+", part[2]); gsub(/_/, "/", part[2]); gsub(/=/, "", part[2])
		if (part[2] !~ "[^A-Za-z0-9+/]" && match(text = decoded(part[2]), /"exp" *: *[0-9]+/)) {
			text = substr(text, RSTART, RLENGTH); sub(/.*: */, "", text)
			if (length(text) > 8) ends = text
		}
	}
	print "-", ends, "-"
}
' "$1"
}
weigh() {
	present
	now
	hs_state=missing
	look "$hs_cred_path" || return 0
	hs_state=valid
	[ "$hs_ends" = - ] || [ "$hs_ends" -gt "$hs_now" ] || hs_state=expired
}
fetch_credentials() {
	[ -s "$hs_private/credentials" ] || return 0
	find_kinit
	find_aklog
	tend
	heed
	each_credential complain
}
hand_over() {
	present
	case $hs_how,$hs_kind in
		condor,kerberos) [ -z "$hs_cred_path" ] || export HepJob_KRB5CCNAME="${hs_cred_path##*/}" ;;
		file,kerberos)
			[ -z "$hs_ticket" ] || return 0
			hs_ticket=$hs_cred
			export KRB5CCNAME="FILE:$hs_top/$hs_cred_path" HepJob_KRB5CCNAME="${hs_cred_path##*/}"
			;;
		*)
			decode "$hs_cred"
			hs_word=$(printf '%s' "$hs_text" | LC_ALL=C tr '[:lower:]' '[:upper:]' | LC_ALL=C tr -c 'A-Z0-9' '_')
			export "HEPSUB_TOKEN_$hs_word=$hs_top/$hs_cred_path"
			[ -z "$hs_token" ] || return 0
			hs_token=$hs_cred
			unset BEARER_TOKEN
			export BEARER_TOKEN_FILE="$hs_top/$hs_cred_path"
			;;
	esac
}
complain() {
	weigh
	[ "$hs_state" != valid ] && [ ! -e "$hs_private/said.$hs_row" ] || return 0
	decode "$hs_cred"
	case $hs_stage,$hs_state in
		before,missing)
			say "the credential '$hs_text' is missing, or is not a $hs_kind credential: the payload runs without it; hep_auth on the submit host tells what it needs"
			;;
		before,expired)
			iso "$hs_ends"
			say "the credential '$hs_text' expired at $hs_iso, and there is no newer one: the payload runs all the same; hep_auth on the submit host tells what it needs"
			;;
		*,expired)
			iso "$hs_ends"
			say "the credential '$hs_text' expired at $hs_iso, while the job ran, and no newer one came: hep_auth on the submit host tells what it needs"
			;;
	esac
	[ "$hs_how" = condor ] || tell_mailbox
	: >"$hs_private/said.$hs_row"
}
describe() {
	weigh
	decode "$hs_cred"
	json "$hs_text"
	hs_item="{\"name\": $hs_json, \"kind\": \"$hs_kind\", \"state\": \"$hs_state\", \"expires\": "
	if [ "$hs_ends" = - ]; then hs_iso=null; else iso "$hs_ends" && hs_iso="\"$hs_iso\""; fi
	hs_size=0
	[ ! -e "$hs_private/renewed.$hs_row" ] || size_of "$hs_private/renewed.$hs_row"
	hs_credentials="$hs_credentials${hs_credentials:+, }$hs_item$hs_iso, \"renewed\": $hs_size}"
}
hs_asked=0 hs_ask_again=0 hs_renew_at=0 hs_renew_again=0 hs_last_seen=-
hs_kinits='' hs_aklog=''
hs_slow=
find_kinit() {
	case ${HEPSUB_KINIT-} in
		-) return 0 ;;
		?*) hs_kinits=$HEPSUB_KINIT && return 0 ;;
	esac
	find_programs kinit /usr/bin/kinit /usr/lib/mit/bin/kinit /usr/kerberos/bin/kinit /usr/heimdal/bin/kinit
	hs_kinits=$hs_found
}
find_aklog() {
	find_programs aklog /usr/bin/aklog /usr/afsws/bin/aklog /usr/openafs/bin/aklog
	hs_aklog=$hs_found_first
}
tend() {
	hs_slow='' hs_letters_read=
	each_credential tend_one
}
wake_at() { [ "$1" -ge "$hs_wake" ] || hs_wake=$1; }
tend_one() {
	[ -z "$hs_signal" ] || return 0
	hs_asked=0 hs_ask_again=$hs_busy_s hs_renew_at=0 hs_renew_again=$hs_busy_s hs_last_seen=-
	[ ! -e "$hs_private/due.$hs_row" ] ||
		read -r hs_asked hs_ask_again hs_renew_at hs_renew_again hs_last_seen <"$hs_private/due.$hs_row"
	weigh
	hs_taken=
	if has_source && ask_when && has_time && [ "$hs_now" -ge "$hs_ask_at" ] && [ -z "$hs_slow" ]; then
		hs_asked=$hs_now
		if ask; then
			hs_taken=yes hs_ask_again=$hs_busy_s
		elif [ "$hs_state" != valid ]; then
			twice "$hs_ask_again" && hs_ask_again=$hs_twice
		fi
		now
		[ $((hs_now - hs_asked)) -lt "$hs_chirp_s" ] || hs_slow=yes
		weigh
	fi
	if can_renew && has_time && [ "$hs_now" -ge "$hs_renewal" ] && [ "$hs_left" -gt "$hs_kinit_s" ]; then
		if renew; then
			hs_taken=yes hs_renew_again=$hs_busy_s hs_renew_at=$hs_busy_s
		else
			hs_renew_at=$hs_renew_again
			twice "$hs_renew_again" && hs_renew_again=$hs_twice
		fi
		now
		hs_renew_at=$((hs_renew_at + hs_now))
		weigh
	fi
	{ [ -z "$hs_taken" ] && [ -e "$hs_private/afs.$hs_row" ]; } || log_in_to_afs
	printf '%s %s %s %s %s\n' \
		"$hs_asked" "$hs_ask_again" "$hs_renew_at" "$hs_renew_again" "$hs_last_seen" >"$hs_private/due.$hs_row"
	has_time || return 0
	! has_source || { ask_when && wake_at "$hs_ask_at"; }
	! can_renew || wake_at "$hs_renewal"
}
has_source() { [ "$hs_how" = condor ] || [ "$hs_cred_source" != - ] || [ -n "$hs_mailbox" ]; }
ask_when() {
	hs_pause_s=$hs_refresh_s
	if [ "$hs_state" != valid ]; then
		hs_pause_s=$hs_ask_again
	elif [ "$hs_ends" != - ] && ! { can_renew && [ "$hs_renew_again" = "$hs_busy_s" ]; }; then
		hs_pause_s=$(((hs_ends - hs_asked) / 3))
	fi
	[ "$hs_how" != condor ] || [ "$hs_pause_s" -lt 60 ] || hs_pause_s=60
	[ "$hs_pause_s" -ge "$hs_busy_s" ] || hs_pause_s=$hs_busy_s
	[ "$hs_pause_s" -le "$hs_refresh_s" ] || hs_pause_s=$hs_refresh_s
	hs_ask_at=$((hs_asked + hs_pause_s))
}
has_time() {
	case $hs_stage in
		after) time_left "$hs_deadline" ;;
		*) time_left "$hs_payload_end" ;;
	esac
	[ "$hs_left" -gt "$hs_busy_s" ]
}
twice() { hs_twice=$(($1 * 2 < hs_refresh_s ? $1 * 2 : hs_refresh_s)); }
ask() {
	hs_new=$hs_creds/.new
	rm -f "$hs_new"
	decode "$hs_cred_source"
	hs_remote=$hs_text
	case $hs_how,$hs_kind in
		condor,kerberos)
			hs_before=$hs_last_seen hs_last_seen=$hs_ends
			[ "$hs_before" != - ] && [ "$hs_ends" != "$hs_before" ] && return 0 || return 1
			;;
		condor,token) delivered "$hs_remote" >"$hs_new" ;;
		*)
			[ "$hs_left" -gt "$hs_chirp_s" ] || return 1
			{ [ "$hs_cred_source" != - ] && ask_source "$hs_remote" "$hs_new"; } || from_letter "$hs_new"
			;;
	esac
	better "$hs_new" && chmod 600 "$hs_new" && put_in_place "$hs_new" && return 0
	rm -f "$hs_new"
	return 1
}
ask_source() {
	{ bounded "$hs_chirp_s" cat "$1" >"$2" && look "$2"; } || chirp get "$1" "$2"
}
better() {
	look "$1" && ! cmp -s "$1" "$hs_cred_path" || return 1
	hs_new_ends=$hs_ends hs_new_last=$hs_ends
	! lasts || hs_new_last=$hs_renews
	look "$hs_cred_path" || return 0
	[ "$hs_new_ends" != - ] && [ "$hs_ends" != - ] || return 0
	now
	if [ "$hs_ends" -gt "$hs_now" ]; then
		case $hs_kind in
			token) [ "$hs_new_ends" -ge "$hs_ends" ] && return 0 || return 1 ;;
		esac
		[ "$hs_new_ends" -gt "$hs_now" ] || return 1
		hs_last=$hs_ends
		! lasts || hs_last=$hs_renews
		[ "$hs_new_last" = "$hs_last" ] || { [ "$hs_new_last" -gt "$hs_last" ] && return 0 || return 1; }
	fi
	[ "$hs_new_ends" -gt "$hs_ends" ]
}
lasts() { [ "$hs_kind" = kerberos ] && [ -n "$hs_kinits" ] && [ "$hs_renews" -gt "$hs_ends" ]; }
put_in_place() {
	[ ! -s "$hs_cred_path" ] || printf . >>"$hs_private/renewed.$hs_row"
	mv -f "$1" "$hs_cred_path"
}
delivered() {
	hs_use=${_CONDOR_CREDS-}/$1.use
	[ -e "$hs_use" ] || hs_use=${_CONDOR_CREDS-}/$(printf '%s' "$1" | tr '*.' '__').use
	LC_ALL=C awk '
{ text = text $0 " " }
END {
	if (match(text, /"access_token"[ \t]*:[ \t]*"[^"]*"/)) {
		text = substr(text, RSTART, RLENGTH - 1); sub(/^"access_token"[ \t]*:[ \t]*"/, "", text)
		gsub(/\\\//, "/", text)
	}
	gsub(/[ \t\r]/, "", text)
	printf "%s", text
}
' <"$hs_use"
}
can_renew() {
	[ "$hs_how" = file ] && [ "$hs_ends" != - ] && lasts || return 1
	[ "$hs_now" -lt "$hs_renews" ] && [ "$hs_now" -lt $((hs_ends + hs_skew_s)) ] || return 1
	hs_renewal=$((hs_begins + (hs_ends - hs_begins) / 2))
	[ "$hs_renewal" -ge "$hs_renew_at" ] || hs_renewal=$hs_renew_at
}
renew() {
	hs_new=$hs_creds/.renewing hs_old_ends=$hs_ends
	for hs_kinit in $hs_kinits; do
		rm -f "$hs_new"
		{ cp "$hs_cred_path" "$hs_new" && chmod 600 "$hs_new"; } || break
		bounded "$hs_kinit_s" run_kinit "$hs_kinit" "$hs_new" || continue
		{ look "$hs_new" && [ "$hs_ends" -gt "$hs_old_ends" ] && put_in_place "$hs_new"; } || continue
		hs_kinits=$hs_kinit
		return 0
	done
	rm -f "$hs_new"
	return 1
}
run_kinit() { exec "$1" -R -c "FILE:$hs_top/$2" >/dev/null; }
log_in_to_afs() {
	[ "$hs_kind" = kerberos ] && [ "$hs_state" = valid ] || return 0
	: >"$hs_private/afs.$hs_row"
	[ -z "$hs_aklog" ] || bounded "$hs_kinit_s" run_aklog
}
run_aklog() {
	[ "$hs_how" = condor ] || export KRB5CCNAME="FILE:$hs_top/$hs_cred_path"
	exec "$hs_aklog" >/dev/null
}
hs_exchange=$hs_private
hs_http_ready=
hs_http=
hs_libraries=
hs_etag='' hs_want_md5=- hs_form='' hs_key='' hs_ca=''
find_http() {
	[ -z "$hs_http_ready" ] || return 0
	for hs_libraries in system user; do
		for hs_http in curl python3; do
			{ command -v "$hs_http" && (with_libraries "$hs_http" --version); } >/dev/null || continue
			hs_http_ready=yes
			return 0
		done
		[ -n "$hs_had_library_path" ] || break
	done
	return 1
}
with_libraries() {
	[ "$hs_libraries" = system ] || export LD_LIBRARY_PATH="$hs_library_path"
	"$@"
}
exchange() {
	rm -f "$hs_exchange/headers" "$hs_exchange/code" "$hs_exchange/answer"
	authority_of "$2"
	"request_$hs_http" "$@"
	with_libraries "run_$hs_http" "$1" "$3" "$4" "$5" </dev/null >"$hs_exchange/code" 2>/dev/null 3<&- 9>&- &
	hs_child=$!
	await "$hs_child"
	hs_exit=$?
	hs_child=
	hs_status=000
	read -r hs_status hs_rest <"$hs_exchange/code"
}
transfer() {
	case $1 in
		get) time_left "$hs_payload_end" ;;
		*) time_left "$hs_deadline" ;;
	esac
	exchange "$1" "$2" "$3" "$hs_left" "$hs_stall_s"
	case $1,$hs_status in
		get,*) ;;
		*,[45]??) hs_exit=22 ;;
	esac
	case $hs_exit in
		0)
			hs_outcome=ok
			case $hs_status in 2??) ;; *) hs_outcome=never hs_why="HTTP $hs_status" ;; esac
			;;
		22)
			hs_why="HTTP $hs_status"
			reason
			case $hs_status in
				400 | 401 | 403) hs_outcome=refused ;;
				408 | 425 | 429 | 5??) hs_outcome=again ;;
				416) hs_outcome=restart ;;
				*) hs_outcome=never ;;
			esac
			;;
		33) hs_outcome=restart hs_why="the server cannot resume" ;;
		1 | 2 | 3 | 4 | 27 | 43 | 48) hs_outcome=never hs_why="$hs_http cannot use this URL (code $hs_exit)" ;;
		23) hs_outcome=never hs_why="cannot write: is the disk full?" ;;
		26) hs_outcome=never hs_why="cannot read the file" ;;
		35 | 58 | 59 | 60 | 77 | 83 | 90 | 91) hs_outcome=never hs_why="no trusted TLS connection (code $hs_exit)" ;;
		6) hs_outcome=again hs_why="the host's name is not known" ;;
		7) hs_outcome=again hs_why="no connection" ;;
		28) hs_outcome=again hs_why="too slow" ;;
		*) hs_outcome=again hs_why="the connection broke (code $hs_exit)" ;;
	esac
	[ "$hs_exit" = 35 ] && hs_outcome=again
	return 0
}
authority_of() {
	hs_ca=
	[ -e "$hs_private/authorities" ] || return 0
	while IFS=$hs_tab read -r hs_1 hs_2; do
		case $1 in
			"$hs_1"*) decode "$hs_2" && hs_ca=$hs_top/$hs_creds/$hs_text ;;
		esac
	done <"$hs_private/authorities"
}
reason() {
	[ -s "$hs_exchange/answer" ] || return 0
	hs_said=$(head -c 65536 "$hs_exchange/answer" | LC_ALL=C tr '<' '\n' |
		LC_ALL=C sed -n 's/^Code>\([A-Za-z0-9._-]\{1,80\}\)$/\1/p' | head -n 1)
	hs_why="$hs_why${hs_said:+ $hs_said}"
}
request_curl() {
	{
		quote "$2"
		printf 'url = "%s"\n' "$hs_quoted"
		quote "$hs_ca"
		[ -z "$hs_ca" ] || printf 'cacert = "%s"\n' "$hs_quoted"
		case $1 in
			get)
				if [ -n "$hs_etag" ] && [ -s "$3" ]; then
					quote "$hs_etag"
					printf 'header = "If-Range: %s"\n' "$hs_quoted"
				fi
				;;
			letter)
				quote "$hs_letter_etag"
				[ -z "$hs_letter_etag" ] || printf 'header = "If-None-Match: %s"\n' "$hs_quoted"
				;;
			put)
				[ "$hs_want_md5" = - ] || {
					base64_of_hex "$hs_want_md5"
					printf 'header = "Content-MD5: %s"\n' "$hs_base64"
				}
				;;
			post) printf '%s' "$hs_form" | form curl ;;
		esac
	} >"$hs_exchange/request"
}
run_curl() {
	set -- "$1" "$2" "$4" -q -K "$hs_exchange/request" --globoff --silent --location --max-redirs 5 \
		-D "$hs_exchange/headers" -w '%{http_code}\n' \
		--connect-timeout 30 --max-time "$3" --speed-limit 1 --speed-time "$4"
	hs_verb=$1 hs_file=$2 hs_silence=$3
	shift 3
	case $hs_verb in
		get) exec curl "$@" --fail -C - -o "$hs_file" ;;
		letter)
			limit_letter
			exec curl "$@" --fail --connect-timeout "$hs_silence" --max-filesize "$hs_letter_bytes" -o "$hs_file"
			;;
		put) exec curl "$@" -o "$hs_exchange/answer" -T "$hs_file" ;;
		post) exec curl "$@" -o "$hs_exchange/answer" ;;
		delete) exec curl "$@" -o "$hs_exchange/answer" -X DELETE ;;
	esac
}
form() {
	HS_KEY=$hs_key LC_ALL=C awk -v wanted="$1" '
BEGIN {
	RS = "&"
	for (i = 1; i < 256; i++) {
		byte[sprintf("%02x", i)] = sprintf("%c", i)
		code[sprintf("%c", i)] = sprintf("%%%02X", i)
	}
}
function plain(text,   out, p) {
	while (p = index(text, "%")) {
		out = out substr(text, 1, p - 1) byte[tolower(substr(text, p + 1, 2))]
		text = substr(text, p + 3)
	}
	return out text
}
function quoted(text,   out, c, i) {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		out = out (c ~ "[A-Za-z0-9/~._-]" ? c : code[c])
	}
	return out
}
function escaped(text,   out, c, i) {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		out = out ((c == "\\" || c == "\"") ? "\\" c : c == "\n" ? "\\n" : c)
	}
	return out
}
{
	at = index($0, "=")
	name = plain(substr($0, 1, at - 1)); value = plain(substr($0, at + 1))
	if (name == "key" && (at = index(value, "${filename}")))
		value = substr(value, 1, at - 1) ENVIRON["HS_KEY"] substr(value, at + 11)
	if (wanted == "curl") printf "form-string = \"%s=%s\"\n", escaped(name), escaped(value)
	else if (name == "key") printf "%s", quoted(value)
}
END { if (wanted == "curl") print "form = \"file=@.hepsub/upload;filename=upload\"" }
'
}
request_python3() {
	{
		printf '%s\n' "$2"
		case $1 in
			get) printf '%s\n' "$hs_etag" ;;
			letter) printf '%s\n' "$hs_letter_etag" ;;
			put) printf '%s\n' "$hs_want_md5" ;;
			post) printf '%s\n%s\n' "$hs_key" "$hs_form" ;;
		esac
	} >"$hs_exchange/request"
}
run_python3() {
	[ "$1" != letter ] || limit_letter
	exec python3 -IS -c '
import base64
import email.message
import http.client
import io
import os
import signal
import socket
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
verb, local, private, limit, stall, authority = sys.argv[1:]
BLOCK = 1 << 20
class Answer:
	status = 0
def leave(code: int) -> None:
	print("%03d" % Answer.status)
	sys.stdout.flush()
	os._exit(code)
def save(headers: email.message.Message) -> None:
	with open(private + "/headers", "w") as file:
		file.writelines("%s: %s\n" % header for header in headers.items())
def save_body(body: bytes) -> None:
	with open(private + "/answer", "wb") as file:
		file.write(body)
class NoContentType(urllib.request.BaseHandler):
	handler_order = 900
	def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
		if verb == "put":
			request.unredirected_hdrs.pop("Content-type", None)
		return request
	https_request = http_request
class Body:
	def __init__(self, *parts: io.BufferedIOBase) -> None:
		self.parts = list(parts)
	def read(self, size: int = BLOCK) -> bytes:
		while self.parts:
			block = self.parts[0].read(size)
			if block:
				return block
			self.parts.pop(0)
		return b""
def form_body(file: io.BufferedReader, key: str, form: str) -> "tuple[Body, int, str]":
	edge = "hepsub-" + os.urandom(16).hex()
	named = "--" + edge + "\r\nContent-Disposition: form-data; name=\x22%s\x22"
	head = b""
	for pair in form.split("&"):
		name, _, quoted = pair.partition("=")
		name, value = urllib.parse.unquote(name), urllib.parse.unquote_to_bytes(quoted)
		if name == "key":
			value = value.replace(b"${filename}", key.encode("utf-8", "surrogateescape"), 1)
		head += (named % name + "\r\n\r\n").encode() + value + b"\r\n"
	named = named % "file" + "; filename=\x22upload\x22"
	head += (named + "\r\nContent-Type: application/octet-stream\r\n\r\n").encode()
	tail = ("\r\n--%s--\r\n" % edge).encode()
	size = len(head) + os.fstat(file.fileno()).st_size + len(tail)
	kind = "multipart/form-data; boundary=" + edge
	return Body(io.BytesIO(head), file, io.BytesIO(tail)), size, kind
def to_get(url: str, etag: str) -> urllib.request.Request:
	request = urllib.request.Request(url, headers={"User-Agent": "hepsub"})
	if verb == "letter" and etag:
		request.add_header("If-None-Match", etag)
	if offset:
		request.add_header("Range", "bytes=%d-" % offset)
		if etag:
			request.add_header("If-Range", etag)
	return request
def to_send(url: str, more: "list[str]") -> urllib.request.Request:
	headers = {"User-Agent": "hepsub"}
	if verb == "delete":
		return urllib.request.Request(url, headers=headers, method="DELETE")
	try:
		file = open(local if verb == "put" else private + "/upload", "rb")
	except OSError:
		leave(26)
	if verb == "post":
		body, size, headers["Content-Type"] = form_body(file, more[0], more[1])
	else:
		body, size = Body(file), os.fstat(file.fileno()).st_size
		if more and more[0] not in ("", "-"):
			headers["Content-MD5"] = base64.b64encode(bytes.fromhex(more[0])).decode()
	headers["Content-Length"] = str(size)
	return urllib.request.Request(url, data=body, headers=headers, method=verb.upper())
def receive(response: http.client.HTTPResponse) -> None:
	resumed = Answer.status == 206
	try:
		file = open(local, "ab" if resumed else "wb")
	except OSError:
		leave(23)
	if resumed and not (response.headers.get("Content-Range") or "").startswith(
		"bytes %d-" % offset
	):
		leave(33)
	length, got = response.headers.get("Content-Length"), 0
	while True:
		block = response.read(BLOCK)
		if not block:
			break
		try:
			file.write(block)
		except OSError:
			leave(23)
		got += len(block)
	try:
		file.close()
	except OSError:
		leave(23)
	if length is not None and got != int(length):
		leave(18)
def code_of(error: Exception) -> int:
	reason = getattr(error, "reason", error)
	if isinstance(reason, ssl.SSLError):
		return 60 if "CERTIFICATE" in str(reason) else 35
	if isinstance(reason, socket.gaierror):
		return 6
	if isinstance(reason, ConnectionRefusedError):
		return 7
	if isinstance(reason, (socket.timeout, TimeoutError)):
		return 28
	return 3 if isinstance(error, ValueError) else 56
def transfer(url: str, more: "list[str]") -> None:
	gets = verb in ("get", "letter")
	request = to_get(url, more[0] if more else "") if gets else to_send(url, more)
	try:
		context = ssl.create_default_context(cafile=authority or None)
	except OSError:
		leave(77)
	tls = urllib.request.HTTPSHandler(context=context)
	opener = urllib.request.build_opener(NoContentType, tls)
	with opener.open(request, timeout=float(stall)) as response:
		Answer.status = response.getcode()
		save(response.headers)
		if gets:
			receive(response)
		else:
			save_body(response.read(BLOCK))
signal.signal(signal.SIGALRM, lambda *_: leave(28))
signal.alarm(max(1, int(limit)))
with open(private + "/request", encoding="utf-8", errors="surrogateescape") as asked:
	address, *rest = asked.read().split("\n")
offset = os.path.getsize(local) if verb == "get" and os.path.exists(local) else 0
try:
	transfer(address, rest)
	leave(0)
except urllib.error.HTTPError as error:
	Answer.status = error.code
	save(error.headers)
	if verb != "get":
		save_body(error.read(65536))
	leave(22)
except Exception as error:
	leave(code_of(error))
' "$1" "$2" "$hs_exchange" "$3" "$4" "$hs_ca"
}
header() {
	hs_header=
	while IFS=' ' read -r hs_1 hs_2; do
		case $hs_1 in
			HTTP/*) hs_header='' ;;
			*:)
				case $1,$hs_1 in
					etag,[Ee][Tt][Aa][Gg]:) hs_header=$hs_2 ;;
					retry,[Rr]etry-[Aa]fter:) hs_header=$hs_2 ;;
					encryption,*-[Ee]ncryption-[Cc]ustomer-*) hs_header=customer ;;
					encryption,[Xx]-[Aa]mz-[Ss]erver-[Ss]ide-[Ee]ncryption:) hs_header=$hs_2 ;;
				esac
				;;
		esac
	done <"$hs_exchange/headers"
	hs_header=${hs_header%"$hs_cr"}
}
pause() {
	header retry
	case $hs_header in
		'' | *[!0-9]* | ?????*) ;;
		*) [ $((hs_header * 1000)) -le "$hs_pause" ] || hs_pause=$((hs_header * 1000)) ;;
	esac
	[ "$hs_pause" -le "$hs_pause_max_ms" ] || hs_pause=$hs_pause_max_ms
	hs_random=$(od -An -N2 -tu2 /dev/urandom) || hs_random=$$
	hs_ms=$((hs_pause / 2 + hs_pause * (hs_random % 1000) / 1000))
	hs_fraction=$((1000 + hs_ms % 1000))
	nap "$((hs_ms / 1000)).${hs_fraction#1}"
	hs_pause=$((hs_pause * 2))
}
persist() {
	hs_url=$4 hs_tries=0 hs_wrong=0 hs_refused='' hs_best=0 hs_etag='' hs_stored='' hs_pause=$hs_pause_ms
	host_of "$4"
	now
	hs_last_progress=$hs_now
	while :; do
		hs_tries=$((hs_tries + 1))
		transfer "$1" "$hs_url" "$5"
		[ "$hs_outcome" = ok ] && "check_$1" "$5"
		[ -z "$hs_signal" ] || return 1
		case $hs_outcome,$hs_status in
			again,000 | again,5??) tell_away "$7" "$hs_exit" "$hs_tries" ;;
			*,000 | *,5??) ;;
			*) came_back ;;
		esac
		case $hs_outcome in
			ok) return 0 ;;
			wrong)
				hs_wrong=$((hs_wrong + 1))
				[ "$hs_wrong" -lt "$hs_max_wrong" ] || [ "$7" = stubborn ] || return 1
				[ "$1" != get ] || rm -f "$5"
				;;
			refused)
				if [ "$7" != stubborn ]; then
					[ -z "$hs_refused" ] || { tell_mailbox; return 1; }
					hs_refused=yes
					refresh new || [ "$hs_status" = 400 ] || { tell_mailbox; return 1; }
				else
					refresh new
				fi
				look_up "$2" "$3" "$hs_url"
				;;
			restart) rm -f "$5" ;;
			never) [ "$7" = stubborn ] || return 1 ;;
		esac
		if [ "$1" = get ]; then
			header etag && [ -n "$hs_header" ] && hs_etag=$hs_header
			size_of "$5"
			if [ "$hs_size" -gt "$hs_best" ]; then
				hs_best=$hs_size hs_pause=$hs_pause_ms
				now
				hs_last_progress=$hs_now
			fi
		fi
		time_left "$6" || { hs_why="$hs_why; there is no time left" && return 1; }
		if [ "$7" != stubborn ]; then
			[ $((hs_now - hs_last_progress)) -lt "$7" ] || { went_away && return 1; }
			! is_absent || [ "$hs_tries" -lt "$hs_brief" ] || return 1
		fi
		pause
		[ -z "$hs_signal" ] || return 1
	done
}
hs_absent=$hs_nl
hs_host=
hs_nobody=
hs_silent=$hs_nl
host_of() {
	bare "$1"
	hs_host=${hs_bare#*://}
	hs_host=${hs_host%%/*} hs_nobody=yes
}
came_back() {
	hs_nobody=
	case $hs_silent in
		*"$hs_nl$hs_host$hs_nl"*)
			hs_silent=${hs_silent%%"$hs_nl$hs_host$hs_nl"*}$hs_nl${hs_silent#*"$hs_nl$hs_host$hs_nl"}
			say "the store $hs_host answers again"
			hs_away=
			tell_stage
			;;
	esac
	! is_absent || hs_absent=${hs_absent%%"$hs_nl$hs_host$hs_nl"*}$hs_nl${hs_absent#*"$hs_nl$hs_host$hs_nl"}
}
tell_away() {
	case $2 in 6 | 7 | 28) ;; *) [ "$3" -gt 1 ] || return 0 ;; esac
	case $hs_silent in *"$hs_nl$hs_host$hs_nl"*) return 0 ;; esac
	hs_silent=$hs_silent$hs_host$hs_nl
	hs_again="for up to $1 s"
	[ "$1" != stubborn ] || hs_again="as long as there is time"
	say "$hs_phase: the store $hs_host does not answer ($hs_why); it is tried again, $hs_again"
	now
	hs_away="$hs_host $hs_now"
	tell_stage
}
went_away() {
	[ -z "$hs_nobody" ] || is_absent || hs_absent=$hs_absent$hs_host$hs_nl
}
is_absent() {
	case $hs_absent in
		*"$hs_nl$hs_host$hs_nl"*) return 0 ;;
	esac
	return 1
}
hs_starter=
hs_outside='
echo $$ >"$1/pid"
shift
exec "$@"
'
hs_inside='
hs_leader=$$
read -r hs_pid hs_name hs_state hs_parent hs_leader hs_rest <"/proc/$$/stat"
hs_private=$1
shift
if [ "$hs_leader" != "$$" ] && command -v setsid >/dev/null; then
	rm "$hs_private/pid"
	exec setsid "$@"
fi
exec "$@"
'
find_starter() {
	case ${HEPSUB_APPTAINER-} in
		-) return 1 ;;
		?*) hs_starter=$HEPSUB_APPTAINER && return 0 ;;
	esac
	find_programs apptainer /usr/bin/apptainer /usr/local/bin/apptainer \
		singularity /usr/bin/singularity /usr/local/bin/singularity
	hs_starter=$hs_found_first
	[ -z "$hs_starter" ] || return 0
	hs_starter=/cvmfs/oasis.opensciencegrid.org/mis/apptainer/current/bin/apptainer
	bounded 60 test -x "$hs_starter"
}
find_image() {
	[ -z "$hs_sealed" ] || [ "${hs_image#./}" = "$hs_sealed_image" ] ||
		die "$hs_e_sent" "the manifest names '${hs_image:-none}' as the image, which is not what was submitted"
	[ -n "$hs_image" ] || return 0
	find_starter ||
		{ heed && die "$hs_e_start" "the payload is to run in the image $hs_image, and neither apptainer nor singularity is on $(uname -n)"; }
	case $hs_image in
		/*) bounded 60 test -r "$hs_image" || { heed && no_image; } ;;
	esac
}
no_image() {
	case $hs_bounded in
		137) hs_why="does not answer on $(uname -n)" ;;
		*) hs_why="does not exist on $(uname -n), or cannot be read" ;;
	esac
	die "$hs_e_start" "the payload is to run in the image $hs_image, which $hs_why"
}
launch_in_image() {
	[ "$hs_image" = "${hs_image#./}" ] || [ -r "$hs_image" ] || no_image
	mkdir "$hs_private/image"
	hs_work=$hs_top/$hs_private/image
	export APPTAINER_CACHEDIR="$hs_work" APPTAINER_TMPDIR="$hs_work"
	export SINGULARITY_CACHEDIR="$hs_work" SINGULARITY_TMPDIR="$hs_work"
	set -- "$hs_image" sh -c "$hs_inside" hepsub "$hs_top/$hs_private" "$@"
	[ ! -e /dev/nvidiactl ] || set -- --nv "$@"
	[ -z "$hs_workdir" ] || set -- --bind "$hs_workdir" "$@"
	case $hs_payload in
		/*) set -- --bind "${hs_payload%/*}/" "$@" ;;
	esac
	: >>"$hs_private/binds"
	while IFS= read -r hs_bind <&4; do
		decode "$hs_bind"
		bounded 60 test -e "$hs_text" 4<&- && set -- --bind "$hs_text" "$@"
	done 4<"$hs_private/binds"
	heed
	launch sh -c "$hs_outside" hepsub "$hs_top/$hs_private" "$hs_starter" --silent exec --contain --no-home \
		--workdir "$hs_work" --bind "$hs_top" --pwd "${hs_workdir:-$hs_top}" "$@"
}
hs_input=
hs_original=
hs_part=$hs_private/part
hs_want_size=- hs_want_sum=-
fetch_inputs() {
	if [ -n "$hs_needs_http" ]; then
		find_http || die "$hs_e_http" "neither curl nor python3 works on $(uname -n): nothing can be fetched or uploaded"
	fi
	each_line fetch_line
}
fetch_line() {
	heed
	case $1 in
		sent | link | copy | input) decode "$2" && hs_input=$hs_text ;;
		*) return 0 ;;
	esac
	case $1 in
		sent)
			[ -e "./$hs_input" ] ||
				die "$hs_e_input" "input '$hs_input' was not sent with the job: the batch system lost it"
			;;
		link | copy)
			decode "$3"
			hs_original=$hs_text
			bounded 60 test -e "$hs_original" ||
				{ heed && die "$hs_e_input" "input '$hs_input': $hs_original does not exist on $(uname -n)"; }
			make_parent "./$hs_input"
			{ [ "$1" = copy ] && copy_input; } || link_input
			;;
		input) fetch_input "$2" "$3" "$4" "$5" ;;
	esac
}
link_input() {
	ln -sf "$hs_original" "./$hs_input" || die "$hs_e_input" "input '$hs_input' cannot be linked"
}
copy_input() {
	rm -rf "$hs_part"
	time_left "$hs_payload_end"
	if [ -f "$hs_original" ] && bounded "$hs_left" clone; then
		keep_copy
		return
	fi
	heed
	weigh_input && [ "$hs_weight" -le "$hs_copy_bytes" ] || return 1
	time_left "$hs_payload_end"
	bounded "$hs_left" duplicate || not_copied || return 1
	hs_copy_bytes=$((hs_copy_bytes - hs_weight))
	keep_copy
}
clone() {
	umask "$hs_umask"
	exec cp --reflink=always "$hs_original" "$hs_part"
}
duplicate() {
	umask "$hs_umask"
	rm -rf "$hs_part"
	[ -d "$hs_original" ] || exec cp "$hs_original" "$hs_part" 2>"$hs_private/copied"
	exec cp -R -L "$hs_original" "$hs_part" 2>"$hs_private/copied"
}
keep_copy() {
	{ chmod -R u+rwX "$hs_part" && mv -f "$hs_part" "./$hs_input"; } ||
		die "$hs_e_input" "input '$hs_input' cannot be written"
}
weigh_input() {
	if [ -f "$hs_original" ]; then
		size_of "$hs_original"
		hs_weight=$hs_size
		return 0
	fi
	[ -d "$hs_original" ] && bounded 60 weigh_directory && read -r hs_weight <"$hs_private/weight"
}
weigh_directory() {
	hs_weight=$(find -L "$hs_original" | head -n "$((hs_copy_files + 1))" | wc -l)
	[ "$hs_weight" -le "$hs_copy_files" ] || return 1
	hs_weight=$(du -skL "$hs_original")
	hs_weight=${hs_weight%%[!0-9]*}
	echo "$((${hs_weight:-0} * 1024))" >"$hs_private/weight"
}
not_copied() {
	rm -rf "$hs_part"
	heed
	read -r hs_why <"$hs_private/copied" || hs_why="it took too long"
	[ -d "$hs_original" ] || die "$hs_e_input" "input '$hs_input' cannot be copied: $hs_why"
	say "input '$hs_input' cannot be copied: $hs_why; it is a link to $hs_original itself"
	return 1
}
fetch_input() {
	hs_want_size=$2 hs_want_sum=$3
	! sealed_as "$1" || hs_want_sum=sha256:$hs_must
	if [ -z "$hs_inputs" ]; then phase "fetching inputs"; fi
	rm -f "$hs_part"
	now
	hs_begun=$hs_now
	persist get input "$1" "$4" "$hs_part" "$hs_payload_end" "$hs_patience_s"
	hs_got=$?
	now
	size_of "$hs_part"
	json "$hs_input"
	hs_inputs="$hs_inputs${hs_inputs:+, }{\"name\": $hs_json, \"size\": $hs_size, \"seconds\": $((hs_now - hs_begun)), \"tries\": $hs_tries}"
	heed
	bare "$4"
	if [ "$hs_got" != 0 ]; then
		if [ "$hs_wrong" -ge "$hs_max_wrong" ]; then
			die "$hs_e_content" "input '$hs_input' is not what was submitted: $hs_why ($hs_bare)"
		fi
		die "$hs_e_input" "input '$hs_input' could not be fetched in $hs_tries tries: $hs_why ($hs_bare)"
	fi
	make_parent "./$hs_input"
	{ mv -f "$hs_part" "./$hs_input" && with_umask chmod +rw "./$hs_input"; } ||
		die "$hs_e_input" "input '$hs_input' cannot be written"
}
check_get() {
	[ -e "$1" ] || : >"$1"
	size_of "$1"
	if [ "$hs_want_size" != - ] && [ "$hs_size" != "$hs_want_size" ]; then
		hs_outcome=wrong hs_why="$hs_size bytes instead of $hs_want_size"
		return 0
	fi
	[ "$hs_want_sum" != - ] || return 0
	checksum "${hs_want_sum%%:*}" "$1"
	[ "$hs_sum" = "${hs_want_sum#*:}" ] && return 0
	if [ "${hs_want_sum%%:*}" = md5 ] && is_no_md5 "${hs_want_sum#*:}"; then
		return 0
	fi
	if [ "$hs_sum" = - ]; then
		hs_outcome=never hs_why="no program here computes ${hs_want_sum%%:*}"
	else
		hs_outcome=wrong hs_why="its ${hs_want_sum%%:*} is $hs_sum instead of ${hs_want_sum#*:}"
	fi
}
is_no_md5() {
	header encryption
	case $hs_header in
		*kms* | customer) ;;
		*) return 1 ;;
	esac
	header etag
	[ "$hs_header" = "\"$1\"" ]
}
hs_library='' hs_archive=''
unpack_libraries() {
	[ -n "$hs_has_lib" ] || return 0
	with_umask mkdir "./$hs_lib" || die "$hs_e_unpack" "the directory $hs_lib cannot be made"
	each_line unpack_line
}
unpack_line() {
	[ "$1" = library ] || return 0
	heed
	decode "$2" && hs_library=$hs_text
	[ -z "$hs_sealed" ] || sealed_as "$4" || die "$hs_e_sent" "the library '$hs_library' is not one that was submitted"
	decode "$4" && hs_archive=./$hs_text
	for hs_unpacker in tar python3 ''; do
		[ -n "$hs_unpacker" ] || not_unpacked
		command -v "$hs_unpacker" >/dev/null || continue
		time_left "$hs_payload_end"
		bounded "$hs_left" "unpack_by_$hs_unpacker" && [ -e "./$hs_lib/$hs_library" ] && break
		heed
	done
	rm -f "$hs_archive"
	search_line "$3" "$hs_library"
}
unpack_by_tar() {
	umask "$hs_umask"
	exec tar -xzof "$hs_archive" -C "./$hs_lib" 2>"$hs_private/unpacked"
}
unpack_by_python3() {
	umask "$hs_umask"
	exec python3 -IS -c '
import sys
import tarfile
with tarfile.open(sys.argv[1]) as tar:
	for member in tar:
		tar.extract(member, sys.argv[2], set_attrs=member.isreg())
' "$hs_archive" "./$hs_lib" 2>"$hs_private/unpacked"
}
not_unpacked() {
	time_left "$hs_payload_end" ||
		die "$hs_e_walltime" "the walltime of $hs_walltime_s s ended before the library '$hs_library' was unpacked"
	bounded "$hs_left" gzip -t "$hs_archive"
	hs_got=$?
	heed
	if [ "$hs_got" = 1 ]; then
		die "$hs_e_content" "the archive of the library '$hs_library' is broken: it is not what was submitted"
	fi
	if command -v tar >/dev/null || command -v python3 >/dev/null; then
		hs_why=$(tail -n 1 "$hs_private/unpacked" | tr -d '\000-\037')
		die "$hs_e_unpack" "the library '$hs_library' cannot be unpacked on $(uname -n): ${hs_why:-is the disk full?}"
	fi
	die "$hs_e_unpack" "neither tar nor python3 is on $(uname -n): the library '$hs_library' cannot be unpacked"
}
search_line() {
	hs_base=$hs_top/$hs_lib
	if [ "$1" = file ]; then
		case :$hs_lib_search: in
			*":$hs_base:"*) return 0 ;;
		esac
		hs_lib_search=$hs_lib_search${hs_lib_search:+:}$hs_base
		hs_lib_python=$hs_lib_python${hs_lib_python:+:}$hs_base
		hs_lib_programs=$hs_lib_programs${hs_lib_programs:+:}$hs_base
		return 0
	fi
	hs_base=$hs_base/$2
	for hs_name in lib64 lib ''; do
		[ ! -d "$hs_base/$hs_name" ] || hs_lib_search=$hs_lib_search${hs_lib_search:+:}$hs_base${hs_name:+/}$hs_name
	done
	for hs_name in python lib/python ''; do
		[ ! -d "$hs_base/$hs_name" ] || hs_lib_python=$hs_lib_python${hs_lib_python:+:}$hs_base${hs_name:+/}$hs_name
	done
	for hs_name in bin ''; do
		[ ! -d "$hs_base/$hs_name" ] || hs_lib_programs=$hs_lib_programs${hs_lib_programs:+:}$hs_base${hs_name:+/}$hs_name
	done
}
hs_teller=
hs_group=
hs_session=
check_payload() {
	case $hs_payload in
		./*) chmod u+x "$hs_payload" ;;
	esac
	if [ -n "$hs_workdir" ]; then
		bounded 60 enter "$hs_workdir" || { heed && no_workdir; }
	fi
	[ -e "$hs_payload" ] || die "$hs_e_start" "the payload $hs_payload does not exist on $(uname -n)"
	[ -f "$hs_payload" ] || die "$hs_e_start" "the payload $hs_payload is not a file"
	[ -x "$hs_payload" ] || die "$hs_e_start" "the payload $hs_payload is not executable: chmod +x it"
	hs_first=
	IFS= read -r hs_first <"$hs_payload"
	case $hs_first in
		'#!'*) ;;
		*) return 0 ;;
	esac
	[ -z "$hs_image" ] || return 0
	hs_first=${hs_first#'#!'}
	hs_first=${hs_first#"${hs_first%%[! "$hs_tab"]*}"}
	hs_first=${hs_first%%[ "$hs_tab"]*}
	case $hs_first in
		*"$hs_cr") die "$hs_e_start" "the first line of the payload $hs_payload ends with a carriage return: convert it (dos2unix)" ;;
		/*) [ -x "$hs_first" ] || die "$hs_e_start" "the interpreter $hs_first of the payload does not exist on $(uname -n)" ;;
	esac
}
enter() { cd "$1" || exit; }
no_workdir() {
	case $hs_bounded in
		137) hs_why="does not answer on $(uname -n)" ;;
		*)
			hs_why="is not a directory that this job may enter on $(uname -n)"
			[ -e "$hs_workdir" ] || hs_why="does not exist on $(uname -n)"
			;;
	esac
	die "$hs_e_start" "the payload is to run in $hs_workdir, which $hs_why"
}
launch() {
	hs_session=$(command -v setsid) && hs_session=setsid
	set -m
	case $- in
		*m*) set -- ${hs_session:+"$hs_session"} "$@" ;;
		*)
			if env --default-signal=INT,QUIT true; then
				set -- ${hs_session:+"$hs_session"} env --default-signal=INT,QUIT "$@"
			elif command -v python3 >/dev/null; then
				hs_session=python3
				set -- python3 -IS -c '
import os
import signal
import sys
for name in ("INT", "QUIT", "PIPE", "XFSZ"):
	signal.signal(getattr(signal, "SIG" + name), signal.SIG_DFL)
os.setsid()
os.execvp(sys.argv[1], sys.argv[1:])
' "$@"
			else
				set -- ${hs_session:+"$hs_session"} "$@"
			fi
			;;
	esac
	tell "$@" 2>"$hs_private/death" &
	hs_teller=$!
	set +m
	exec 3<&-
}
tell() {
	[ -n "${BASH_VERSION-}" ] || trap : HUP INT QUIT USR1 USR2 TERM
	(exec_payload "$@") <&3 2>&9 3<&- 9>&-
	exit $?
}
exec_payload() {
	umask "$hs_umask"
	[ -z "$hs_submitdir" ] || export HEPSUB_SUBMIT_DIR="$hs_submitdir"
	export HEPSUB_SCRATCH="$hs_top"
	[ -z "$hs_has_lib" ] || export HEPSUB_LIB="$hs_top/$hs_lib"
	each_variable set_variable
	each_credential hand_over
	[ -z "$hs_workdir" ] || cd "$hs_workdir" || exit 127
	exec "$@"
}
hs_last_shell='
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
'
odd_environment() {
	[ -r "/proc/$$/environ" ] || return 1
	tr '\0\n' '\n\001' <"/proc/$$/environ" | LC_ALL=C grep -e '^[^=]*[^=A-Za-z0-9_]' -e '^[0-9]' >"$hs_private/odd"
}
run_payload() {
	check_payload
	tend
	case $hs_workdir,$hs_payload in
		?*,./*) hs_payload=$hs_top/${hs_payload#./} ;;
	esac
	set -- "$hs_payload" "$@"
	if odd_environment; then
		while IFS= read -r hs_pair; do
			hs_pair=$(printf '%sX' "$hs_pair" | tr '\001' '\n')
			set -- "${hs_pair%X}" "$@"
		done <"$hs_private/odd"
		if [ -n "$hs_image" ]; then hs_env="env"; else hs_env=$(command -v env); fi
		set -- "$hs_env" "$@"
	fi
	if [ -n "$hs_lib_search" ]; then
		hs_lib_search=$hs_lib_search${hs_library_path:+:}$hs_library_path
	fi
	heed
	now
	hs_payload_begun=$hs_now
	set -- sh -c "$hs_last_shell" hepsub "$hs_top/$hs_private" \
		"$hs_lib_search$hs_had_library_path" "${hs_lib_search:-$hs_library_path}" "$hs_had_preload" "$hs_preload" \
		"${hs_image:+${HOME+yes}}" "${HOME-}" "$hs_lib_python" "$hs_lib_programs" "$@"
	if [ -n "$hs_image" ]; then launch_in_image "$@"; else launch "$@"; fi
	hs_stage=payload
	[ -z "$hs_signal" ] || caught "$hs_signal"
	if [ -n "$hs_walltime_s$hs_phase" ] || has_newer || [ -s "$hs_private/credentials" ]; then
		clock </dev/null >/dev/null 9>&- &
		hs_clock=$!
	fi
	wait_for_payload
	now
	hs_payload_s=$((hs_now - hs_payload_begun))
	hs_stage=after
	hs_signal=
	end_helpers
	end_group
	judge_payload
}
clock() {
	trap end_clock VTALRM
	hs_signal=
	phase running
	now
	hs_due=$((hs_now + hs_refresh_s))
	while time_left "$hs_payload_end"; do
		hs_wake=$((hs_now + hs_left))
		tend
		now
		if has_newer && [ "$hs_now" -ge "$hs_due" ]; then
			refresh newer
			now
			hs_due=$((hs_now + hs_refresh_s))
		fi
		! has_newer || wake_at "$hs_due"
		time_left "$hs_payload_end" || break
		hs_sleep_s=$((hs_wake - hs_now))
		[ "$hs_sleep_s" -ge "$hs_busy_s" ] || hs_sleep_s=$hs_busy_s
		[ "$hs_sleep_s" -le "$hs_left" ] || hs_sleep_s=$hs_left
		[ ! -e "$hs_private/over" ] || exit
		nap "$hs_sleep_s"
	done
	[ ! -e "$hs_private/over" ] || exit
	: >"$hs_private/walltime"
	signal_payload TERM
	nap $hs_walltime_term_s
	signal_payload KILL
}
end_clock() {
	[ "$hs_nap" != new ] || hs_nap=$!
	kill -ALRM $! $hs_watchdog
	kill -KILL $hs_nap $hs_child
	exit
}
wait_for_payload() {
	while :; do
		hs_trapped=
		wait "$hs_teller"
		hs_waited=$?
		[ "$hs_waited" = 127 ] && [ -n "$hs_payload_status" ] || hs_payload_status=$hs_waited
		[ -n "$hs_trapped" ] || break
	done
}
find_group() {
	for hs_try in 1 2 3 4 5 6 7 8 9 10; do
		hs_group=
		read -r hs_group <"$hs_private/pid" && break
		[ "$hs_stage" = payload ] || return 1
		nap 0.1
	done
	[ -n "$hs_group" ] || return 1
	[ -z "$hs_session" ] || hs_group=-$hs_group
}
signal_payload() { find_group && kill -"$1" "$hs_group"; }
end_helpers() {
	: >"$hs_private/over"
	for hs_helper in $hs_clock $hs_killer; do
		kill -VTALRM "$hs_helper"
		wait "$hs_helper"
	done
	hs_clock='' hs_killer=''
}
end_group() {
	[ -n "$hs_session" ] && signal_payload TERM || return 0
	for hs_name in 1 2 3 4 5 6 7 8 9 10; do
		nap 0.1
		kill -0 "$hs_group" || return 0
	done
	kill -KILL "$hs_group"
}
is_stillborn() {
	[ ! -e "$hs_private/begun" ] || return 1
	[ -z "$hs_image" ] || { [ -z "$hs_forwarded" ] && [ ! -e "$hs_private/walltime" ]; }
}
judge_payload() {
	if [ -e "$hs_private/nostart" ] || is_stillborn; then
		hs_payload_status=
		[ -z "$hs_image" ] ||
			die "$hs_e_start" "the payload $hs_payload cannot be executed in the image $hs_image on $(uname -n): stderr says why, or its interpreter is not in the image"
		die "$hs_e_start" "the payload $hs_payload cannot be executed on $(uname -n): wrong architecture, or a file system without programs?"
	fi
	if [ "$hs_payload_status" -gt 128 ]; then
		hs_number=$((hs_payload_status - 128))
		if [ -s "$hs_private/death" ]; then
			hs_payload_signal=$hs_number
		else
			[ ! -e "$hs_private/walltime" ] || hs_forwarded="$hs_forwarded TERM"
			for hs_name in $hs_forwarded; do
				[ "$hs_number" != "$(signal_number "$hs_name")" ] || hs_payload_signal=$hs_number
			done
		fi
	fi
	if [ -e "$hs_private/walltime" ]; then
		verdict "$hs_e_walltime" "the walltime of $hs_walltime_s s ended the payload: submit with a longer one (hep_sub -wt)"
	fi
}
hs_output=
hs_target=
hs_bytes=0 hs_md5=-
hs_action=
hs_goal=
hs_pattern='' hs_glob='' hs_glob_url=''
hs_keys=''
restore_home() {
	chmod u+rwx .
	{ [ -d "./$hs_home" ] && [ ! -L "./$hs_home" ]; } || { rm -f "./$hs_home" && mkdir -p "./$hs_home"; }
}
stage_out() {
	restore_home
	rm -f "$hs_mail/later"
	if [ -n "$hs_by_url" ]; then
		phase "uploading outputs"
		refresh new
	fi
	if [ -n "$hs_by_url$hs_moves" ]; then
		rm -f "$hs_private"/due.*
		tend
	fi
	each_line keep_line
	[ -z "$hs_brings_new" ] || bring_new
	[ "$hs_run" = 1 ] || each_line unmark_line
	each_line save_line
}
unmark_line() {
	[ "$1" = unmark ] || return 0
	hs_url=$2
	look_up unmark - "$2"
	persist delete unmark - "$hs_url" - "$hs_deadline" "$hs_patience_s"
}
check_delete() { :; }
keep_line() {
	case $1 in
		home | homeglob | move | moveglob) ;;
		*) return 0 ;;
	esac
	hs_action=${1%glob} hs_goal=
	[ "$hs_action" = home ] || { decode "$4" && hs_goal=$hs_text; }
	decode "$2"
	case $1 in
		*glob)
			hs_pattern=$hs_text
			each_match keep_match "$3"
			;;
		*)
			hs_output=$hs_text hs_target=$hs_goal
			! found "$3" || keep_one
			;;
	esac
}
keep_one() {
	measure
	if [ "$hs_action" = home ]; then
		bring_home || lose "hepsub was told to bring it home" ''
	elif move_output; then
		record moved "$hs_target"
	else
		save_later "$hs_target" "cannot be written to $hs_target"
	fi
}
keep_match() {
	hs_target=${hs_goal%/}/${hs_output##*/}
	case $hs_action$hs_keys in
		move*"$hs_nl$hs_target$hs_nl"*)
			measure
			save_later "$hs_target" "another match of '$hs_pattern' has the same file name"
			return
			;;
	esac
	hs_keys=$hs_keys$hs_target$hs_nl
	keep_one
}
each_match() {
	hs_function=$1 hs_flags=$2 hs_keys=$hs_nl hs_any=
	hs_old_ifs=$IFS
	IFS=
	set -- $hs_pattern
	IFS=$hs_old_ifs
	for hs_output in "$@"; do
		is_match || continue
		hs_any=yes
		"$hs_function"
	done
	[ -z "$hs_any" ] || return 0
	hs_output=$hs_pattern
	found "$hs_flags"
}
is_match() {
	[ -f "./$hs_output" ] || return 1
	case $hs_known$hs_output in
		*"$hs_nl$hs_output$hs_nl"* | *"$hs_nl$hs_lib/"* | *"$hs_nl$hs_home/"*) return 1 ;;
	esac
}
save_line() {
	case $1 in
		output)
			decode "$2"
			hs_output=$hs_text
			found "$3" || return 0
			upload put output "$2" "$4"
			;;
		glob)
			decode "$2"
			hs_pattern=$hs_text hs_glob=$2 hs_glob_url=$4
			each_match save_match "$3"
			;;
	esac
}
found() {
	[ -e "./$hs_output" ] && return 0
	hs_size=null hs_sum=-
	record missing ''
	if [ "$1" != '?' ]; then hs_missing="$hs_missing${hs_missing:+, }'$hs_output'"; fi
	return 1
}
measure() {
	hs_md5=-
	if [ -d "./$hs_output" ]; then
		settle_links
		hs_bytes=$(du -sk "./$hs_output/.") && hs_bytes=${hs_bytes%%[!0-9]*}
		hs_bytes=$((${hs_bytes:-0} * 1024))
	else
		size_of "./$hs_output"
		hs_bytes=$hs_size
		checksum md5 "./$hs_output"
		hs_md5=$hs_sum
	fi
}
settle_links() {
	find "./$hs_output/." -type l -exec sh -c '
top=$(pwd -P)
for link do
	case $(readlink -f "$link") in
		"$top"/*) [ ! -f "$link" ] || { cp -p "$link" "$link.$$" && mv -f "$link.$$" "$link"; } ;;
	esac
done
' sh {} +
}
save_match() {
	hs_key=${hs_output##*/}
	hs_url=$hs_glob_url hs_form=
	look_up glob "$hs_glob" "$hs_glob_url"
	bare "$hs_url"
	hs_match_url=$(printf '%s' "$hs_form" | form key)
	case $hs_match_url in
		%20* | *%20)
			measure
			save_later "${hs_bare%/}/$hs_match_url" "there are stores that cut blanks off a form's key"
			return
			;;
	esac
	hs_match_url=${hs_bare%/}/$hs_match_url
	case $hs_keys in
		*"$hs_nl$hs_key$hs_nl"*)
			measure
			save_later "$hs_match_url" "another match of '$hs_pattern' has the same file name"
			return
			;;
	esac
	hs_keys=$hs_keys$hs_key$hs_nl
	rm -f "$hs_private/upload"
	ln -s "../$hs_output" "$hs_private/upload"
	upload post glob "$hs_glob" "$hs_url" "$hs_match_url"
}
list_top() {
	hs_names=$hs_nl
	for hs_name in * .[!.]* ..?*; do
		hs_names=$hs_names$hs_name$hs_nl
	done
}
bring_new() {
	list_top
	hs_homelimit=
	while IFS= read -r hs_output <&4; do
		case $hs_old in *"$hs_nl$hs_output$hs_nl"*) continue ;; esac
		case $hs_output in '' | _condor_* | .update.ad | .job.ad | .machine.ad) continue ;; esac
		[ -f "./$hs_output" ] || [ -d "./$hs_output" ] || continue
		[ ! -L "./$hs_output" ] || continue
		measure 4<&-
		bring_home 4<&- || lose "it is new" ''
	done 4<<END
$hs_names
END
}
hs_home_bytes=0
hs_no_home=
hs_too_large=
hs_more=0
upload() {
	bare "$4"
	hs_object=${5:-$hs_bare}
	measure
	if [ -d "./$hs_output" ]; then
		save_later "$hs_object" "a directory cannot be uploaded"
		return 0
	fi
	if [ -n "$hs_putlimit" ] && [ "$hs_bytes" -gt "$hs_putlimit" ]; then
		save_later "$hs_object" "$hs_bytes bytes are more than one upload can take"
		return 0
	fi
	hs_want_md5=$hs_md5
	hs_patience=$hs_patience_s hs_until=$hs_deadline
	if ! fits; then
		now
		hs_patience=stubborn
		[ -n "$hs_walltime_s" ] || hs_until=$((hs_now - hs_start + hs_forever_s))
	fi
	hs_url=$4
	look_up "$2" "$3" "$4"
	if persist "$1" "$2" "$3" "$hs_url" "./$hs_output" "$hs_until" "$hs_patience"; then
		record uploaded "$hs_object"
	else
		save_later "$hs_object" "$hs_why"
	fi
}
check_put() {
	header etag
	hs_etag=${hs_header#W/}
	hs_etag=${hs_etag#\"}
	hs_etag=${hs_etag%\"}
	hs_stored=$hs_etag
	header encryption
	case $hs_header in *kms* | customer) return 0 ;; esac
	if [ -z "$hs_etag" ] && grep -q '<Error' "$hs_private/answer"; then
		hs_outcome=again hs_why="HTTP $hs_status, but with an error inside"
		return 0
	fi
	[ ${#hs_etag} = 32 ] || return 0
	case $hs_etag in *[!0-9a-fA-F]*) return 0 ;; esac
	[ "$hs_want_md5" != - ] || return 0
	case $hs_etag in *[A-F]*) hs_etag=$(printf %s "$hs_etag" | tr A-F a-f) ;; esac
	[ "$hs_etag" = "$hs_want_md5" ] && return 0
	hs_outcome=wrong hs_why="the store says that it received something else (ETag $hs_etag)"
}
check_post() { check_put "$1"; }
move_output() {
	case $hs_target/ in
		*/"${hs_output##*/}"/) [ -d "./$hs_output" ] || [ ! -d "$hs_target" ] || hs_target=${hs_target%/}/${hs_output##*/} ;;
		*) [ ! -d "$hs_target" ] || hs_target=${hs_target%/}/${hs_output##*/} ;;
	esac
	hs_last=${hs_target##*/}
	[ ${#hs_last} -le 60 ] || hs_last=$(printf %s "$hs_last" | head -c 150)
	hs_temporary=${hs_target%/*}/$hs_last.tmp-$hs_job-
	[ "$hs_run" = 1 ] || rm -rf "$hs_temporary"*
	hs_temporary=$hs_temporary$(uname -n).$$
	time_left "$hs_deadline"
	bounded "$hs_left" with_umask copy_output "./$hs_output" "$hs_temporary" "$hs_target" || {
		rm -rf "$hs_temporary"
		return 1
	}
}
copy_output() {
	mkdir -p "${3%/*}" || return 1
	if [ -d "$1" ]; then
		rm -rf "$2" && cp -R "$1/." "$2" || return 1
		if [ -d "$3" ]; then
			merge_output "$2" "$3" && rm -rf "$2"
			return
		fi
	else
		cp -f "$1" "$2" && cmp -s "$1" "$2" || return 1
	fi
	mv -f "$2" "$3"
}
merge_output() (
	cd "$1" || return 1
	find . -type d -exec sh -c '
        goal=$1
        shift
        for each do mkdir -p "$goal/$each" || exit 1; done' sh "$2" {} + || return 1
	find . ! -type d -exec sh -c '
        goal=$1
        shift
        for each do [ ! -d "$goal/$each" ] && mv -f "$each" "$goal/$each" || exit 1; done' sh "$2" {} + || return 1
	hs_unmoved=$(find . ! -type d | head -n 1)
	[ -z "$hs_unmoved" ]
)
fits() { [ -z "$hs_homelimit" ] || [ $((hs_home_bytes + hs_bytes)) -le "$hs_homelimit" ]; }
bring_home() {
	hs_no_home="at most ${hs_homelimit:-all} bytes may come home"
	fits || return 1
	if [ -n "$hs_confined" ]; then
		hs_odd=$(find "./$hs_output" -name '*\\*' | head -n 1)
		case $hs_output$hs_odd in
			*\\*) hs_no_home="HTCondor brings no name with a backslash from here" && return 1 ;;
		esac
	fi
	hs_place=$hs_home/outputs/$hs_output
	make_parent "./$hs_place"
	if [ -e "./$hs_place" ]; then
		:
	elif [ -L "./$hs_output" ]; then
		if [ -d "./$hs_output" ]; then
			cp -R "./$hs_output/." "./$hs_place"
		else
			cp -L "./$hs_output" "./$hs_place"
		fi || return 1
	else
		ln "./$hs_output" "./$hs_place" ||
			{ mv -f "./$hs_output" "./$hs_place" && ln -s "$hs_top/$hs_place" "./$hs_output"; } || return 1
	fi
	[ ! -d "./$hs_place" ] || find "./$hs_place" ! -type f ! -type d ! -type l -exec rm -f {} +
	hs_home_bytes=$((hs_home_bytes + hs_bytes))
	record home "${1-}"
}
save_later() {
	if bring_home "$1"; then
		hs_kept="$hs_kept${hs_kept:+, }'$hs_output'"
		say "output '$hs_output' is not at $1: $2; it comes home with the job"
		pending "outputs/$hs_output" "$hs_bytes" "$hs_md5" "$1"
	else
		lose "$2" "$1"
	fi
}
lose() {
	hs_lost="$hs_lost${hs_lost:+, }'$hs_output'"
	hs_one="'$hs_output' ($hs_bytes bytes)"
	if [ $((${#hs_too_large} + ${#hs_one})) -lt 200 ]; then
		hs_too_large="$hs_too_large${hs_too_large:+, }$hs_one"
	else
		hs_more=$((hs_more + 1))
	fi
	say "output '$hs_output' ($hs_bytes bytes) is lost: $1, but $hs_no_home"
	record lost "$2"
}
pending() {
	encode "$1"
	hs_place=$hs_text
	encode "$4"
	umask "$hs_umask"
	printf '%s\t%s\t%s\t%s\n' "$hs_place" "$2" "$3" "$hs_text" >>"$hs_home/pending.tsv"
	umask 077
}
record() {
	[ "$1" != missing ] || hs_bytes=null hs_md5=-
	json "$hs_output"
	hs_item="{\"name\": $hs_json, \"state\": \"$1\", \"size\": $hs_bytes, \"md5\": "
	if [ "$hs_md5" = - ]; then hs_item=${hs_item}null; else hs_item="$hs_item\"$hs_md5\""; fi
	if [ -n "$2" ]; then json "$2"; else hs_json=null; fi
	hs_item="$hs_item, \"url\": $hs_json, \"etag\": "
	if [ "$1" = uploaded ] && [ -n "$hs_stored" ]; then json "$hs_stored"; else hs_json=null; fi
	hs_outputs="$hs_outputs${hs_outputs:+, }$hs_item$hs_json}"
}
tell_lost() {
	[ "$hs_more" = 0 ] || hs_too_large="$hs_too_large${hs_too_large:+, }and $hs_more more"
	classad "$hs_too_large; $hs_no_home"
	chirp set ChirpHepSub_Lost "$hs_string"
}
hs_started=-
hs_chirped=false
begin() {
	{ :; } 3<&0 || exec </dev/null
	{ :; } 3>&1 || exec >/dev/null
	{ :; } 3>&2 || exec 2>/dev/null
	exec 3<&0 9>&2 </dev/null 2>/dev/null
	trap finish EXIT
	for hs_name in HUP INT QUIT USR1 USR2 TERM; do
		trap "caught $hs_name" "$hs_name"
	done
	trap : PIPE
	hs_umask=$(umask)
	mkdir -p "./$hs_home"
	hs_times=$(date -u '+%s %Y-%m-%dT%H:%M:%SZ')
	hs_start=${hs_times% *} hs_started=${hs_times#* }
	hs_library_path=${LD_LIBRARY_PATH-} hs_had_library_path=${LD_LIBRARY_PATH+yes}
	hs_preload=${LD_PRELOAD-} hs_had_preload=${LD_PRELOAD+yes}
	unset LD_LIBRARY_PATH LD_PRELOAD
	hs_top=$PWD
	umask 077
	rm -rf "./$hs_private"
	mkdir "$hs_private" || die "$hs_e_contract" "cannot write into the job's directory $PWD"
	exec 2>"$hs_private/log"
	[ -f "$hs_manifest_name" ] ||
		die "$hs_e_contract" "there is no $hs_manifest_name in $PWD: this script is started by hep_sub's jobs, not by hand"
	{ mv "$hs_manifest_name" "$hs_private/manifest" && chmod 600 "$hs_private/manifest"; } ||
		die "$hs_e_contract" "cannot move $hs_manifest_name to $hs_private"
}
caught() {
	hs_trapped=$1
	case $hs_stage in
		before)
			hs_signal=$1
			[ -z "$hs_child" ] || kill -KILL "$hs_child"
			;;
		payload)
			hs_forwarded="$hs_forwarded $1"
			signal_payload "$1"
			if [ "$1" = TERM ] && [ -z "$hs_killer" ]; then
				say "told to end (SIGTERM): the payload has $hs_term_s s, then its outputs are saved"
				kill_later &
				hs_killer=$!
			fi
			hs_trapped=$1
			;;
	esac
}
kill_later() {
	exec 3<&- 9>&- >/dev/null
	trap 'kill -KILL $!; exit' VTALRM
	nap "$hs_term_s"
	signal_payload KILL
}
conclude() {
	each_credential complain
	if [ -n "$hs_lost" ]; then
		tell_lost
		verdict "$hs_e_lost" "these outputs could neither be uploaded nor brought home: $hs_lost"
	fi
	if [ "$hs_payload_status" = 0 ] && [ -n "$hs_missing" ]; then
		verdict "$hs_e_missing" "the payload ended with 0 but did not make: $hs_missing"
	fi
	if [ -n "$hs_kept" ]; then
		verdict "$hs_e_home" "these outputs came home instead: $hs_kept; they lie in $hs_home/outputs of the bundle's home directory"
	fi
	[ "$hs_payload_status" = 0 ] || return 0
	each_line mark_line
}
mark_line() {
	[ "$1" = marker ] || return 0
	bare "$2"
	case $hs_code in
		0)
			gather
			report >"$hs_private/marker"
			checksum md5 "$hs_private/marker"
			hs_want_md5=$hs_sum
			hs_url=$2
			look_up marker - "$2"
			persist put marker - "$hs_url" "$hs_private/marker" "$hs_deadline" "$hs_patience_s" && return 0
			bare "$2"
			verdict "$hs_e_home" "all outputs are in their place, but not the marker that says so: $hs_why ($hs_bare)"
			;;
		"$hs_e_home") ;;
		*) return 0 ;;
	esac
	pending report.json - - "$hs_bare"
}
report() {
	hs_ended=$(date -u '+%Y-%m-%dT%H:%M:%SZ')
	hs_exit_code=null hs_exit_signal=null
	if [ -n "$hs_payload_signal" ]; then
		hs_exit_signal=$hs_payload_signal
	elif [ -n "$hs_payload_status" ]; then
		hs_exit_code=$hs_payload_status
	fi
	json "$hs_job"
	printf '{\n"version": %s,\n"job": %s,\n"run": %s,\n' "$hs_version" "$hs_json" "${hs_run:-null}"
	json "$(uname -n)"
	printf '"host": %s,\n"started": "%s",\n"ended": "%s",\n' "$hs_json" "$hs_started" "$hs_ended"
	if [ -n "$hs_payload_status" ]; then
		printf '"payload": {"exit_code": %s, "signal": %s, "seconds": %s},\n' "$hs_exit_code" "$hs_exit_signal" "$hs_payload_s"
	else
		printf '"payload": null,\n'
	fi
	json "$hs_message"
	printf '"code": %s,\n"message": %s,\n' "$hs_code" "$hs_json"
	printf '"inputs": [%s],\n"outputs": [%s],\n' "$hs_inputs" "$hs_outputs"
	printf '"credentials": [%s],\n' "$hs_credentials"
	printf '"strangers": %s,\n' "$hs_strangers"
	printf '"chirp": %s\n}\n' "$hs_chirped"
}
gather() {
	[ ! -e "$hs_private/chirped" ] || hs_chirped=true
	hs_credentials=
	each_credential describe
}
finish() {
	hs_exit=$?
	[ "${BASHPID:-$$}" = $$ ] || return 0
	trap - EXIT
	trap : HUP INT QUIT USR1 USR2 TERM
	for hs_helper in $hs_child $hs_nap; do kill -KILL "$hs_helper"; done
	for hs_helper in $hs_clock $hs_killer; do kill -VTALRM "$hs_helper"; done
	[ -z "$hs_watchdog" ] || kill -ALRM "$hs_watchdog"
	if [ "$hs_stage" = payload ]; then signal_payload KILL; fi
	if [ -z "$hs_finished" ]; then
		hs_code="$hs_e_contract" hs_message="the wrapper itself broke down (shell's code $hs_exit): report this"
		say "$hs_message"
		tail -n 3 "$hs_private/log" >&9
		hs_exit="$hs_e_contract"
	fi
	gather
	rm -rf "./$hs_private"
	[ -z "$hs_has_lib" ] || rm -rf "./$hs_lib" "./$hs_lib".*.tar.gz
	case $hs_code in "$hs_e_contract" | "$hs_e_sent") sweep ;; esac
	umask "$hs_umask"
	restore_home
	rm -f "./$hs_home/stage"
	report >"$hs_home/.report" && mv -f "$hs_home/.report" "$hs_home/report.json"
	if [ -n "$hs_payload_signal" ] && [ "$hs_code" != "$hs_e_walltime" ]; then
		hs_number=$hs_payload_signal
	elif [ -n "$hs_signal" ]; then
		hs_number=$(signal_number "$hs_signal")
	else
		exit "$hs_exit"
	fi
	ulimit -c 0
	trap - HUP INT QUIT USR1 USR2 TERM PIPE
	exec sh -c "kill -$hs_number \$\$; exit $((128 + hs_number))" 2>/dev/null
}
main() {
	begin
	check_sent
	take_credentials
	read_manifest
	look_at_neighbours
	if [ -n "$hs_walltime_s" ]; then
		hs_payload_end=$((hs_walltime_s - hs_grace_s))
		hs_deadline=$((hs_walltime_s - hs_last_s))
	fi
	find_chirp
	count_run
	forget_told
	open_mailbox
	fetch_credentials
	find_image
	fetch_inputs
	unpack_libraries
	list_top
	hs_old=$hs_names
	run_payload "$@"
	stage_out
	conclude
	hs_finished=yes
	if [ "$hs_code" = "$hs_e_walltime" ]; then exit "$hs_e_walltime"; fi
	if [ "$hs_payload_status" != 0 ]; then exit "$hs_payload_status"; fi
	exit "$hs_code"
}
main "$@"
