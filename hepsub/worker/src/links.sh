# shellcheck shell=sh
# Links to files of the job's own become these files: LINKS.
top=$(pwd -P)
for link do
    case $(readlink -f "$link") in
        "$top"/*) [ ! -f "$link" ] || { cp -p "$link" "$link.$$" && mv -f "$link.$$" "$link"; } ;;
    esac
done
