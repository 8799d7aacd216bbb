# Libraries: archives that the payload finds unpacked.

hs_library='' hs_archive='' # the library that is unpacked, and its archive

# What the payload finds in $HEPSUB_LIB. The archives go away as soon as they are unpacked.
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
    exec python3 -IS -c '@include untar.py@' "$hs_archive" "./$hs_lib" 2>"$hs_private/unpacked"
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

# KIND NAME: where the payload looks. The first library stands in front, whatever there is behind them.
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
