# Texts: fields of the manifest, JSON, ClassAds, URLs, words between quotes.

# What stands in a JSON string as it is, beside `-`.
hs_plain='abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&()*+,./:;<=>?@[]^_`{|}~'

# %09, %0a, %25 → hs_text. Fails at any other %.
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

# The other way round → hs_text.
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

# A URL as everybody may read it: without query, without user and password → hs_bare.
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

# A JSON string → hs_json. Plain ASCII costs no process; bytes that are not UTF-8 become U+FFFD.
json() {
    case $1 in
        *[!"$hs_plain"-]*) ;;
        *) hs_json="\"$1\"" && return 0 ;;
    esac
    hs_json=$(printf '%sX' "$1" | LC_ALL=C awk '@include json.awk@') && [ -n "$hs_json" ] || hs_json='"?"'
}

# A word as it stands between double quotes, in a ClassAd or a file for curl -K → hs_quoted.
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

# A ClassAd string → hs_string. Control characters, which nobody wants in a message, become `?`.
classad() {
    quote "$(printf '%s' "$1" | LC_ALL=C tr '\001-\037\177' '?')"
    hs_string="\"$hs_quoted\""
}

# Hexadecimal digits as base64 → hs_base64.
base64_of_hex() {
    hs_base64=$(printf '%s\n' "$1" | LC_ALL=C awk '@include base64.awk@')
}

# Seconds since 1970 as ISO 8601 → hs_iso.
iso() { hs_iso=$(date -u -d "@$1" '+%Y-%m-%dT%H:%M:%SZ') || hs_iso="$1 s after 1970"; }
