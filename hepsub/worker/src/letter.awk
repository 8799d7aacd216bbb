# A letter with credentials, below its first line: for each a line `file TAB NAME TAB LINES`, and so many lines of
# base64. Prints those of the one that HS_FILE names; ends with 1, and prints nothing, where the letter is not whole.
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
