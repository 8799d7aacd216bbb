# A token that may be wrapped in JSON, bare.
{ text = text $0 " " }
END {
    if (match(text, /"access_token"[ \t]*:[ \t]*"[^"]*"/)) {
        text = substr(text, RSTART, RLENGTH - 1); sub(/^"access_token"[ \t]*:[ \t]*"/, "", text)
        gsub(/\\\//, "/", text)
    }
    gsub(/[ \t\r]/, "", text)
    printf "%s", text
}
