# The fields of a form, percent-decoded: for curl -K (wanted: curl), or the key alone as in a URL (wanted: key).
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
