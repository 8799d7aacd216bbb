# Completion of hepsub's commands in fish. @MADE@

function __hep_command --description 'the command that the words name so far, and of how many words its name is'
    set -l words (commandline -opc)
    set -l name (string replace --regex '.*/' '' $words[1])
    set -l number 1
    for word in $words[2..]
        switch "$name $word"
@VERBS@
            case '*'
                break
        end
        set number (math $number + 1)
    end
    printf '%s
' $name $number
end

function __hep_first --description 'whether the first word behind the name of the command is at hand'
    set -l named (__hep_command)
    test $named[2] -eq (count (commandline -opc))
end

function __hep_at --description 'NAME...: whether it is the command that the words name'
    set -l named (__hep_command)
    test "$named[1]" = "$argv"
end

function __hep_behind --description 'OPTION...: whether the word at hand is right behind one of them'
    contains -- (commandline -opc)[-1] $argv
end

function __hep_option --description 'whether the word at hand is an option'
    string match --quiet -- '-*' (commandline -ct)
end

function __hep_ask --description 'OFFER TYPED: what the word can become, one a line, with what is to be said of it'
    command hep_sub __offer $argv </dev/null 2>/dev/null
end

function __hep_asked --description 'OFFER: what hep_sub knows of it'
    string match --quiet --regex -- '^-[^=]*$' (commandline -ct); and return
    __hep_ask $argv (string replace --regex -- '^--?[^=]*=' '' (commandline -ct) | string collect --allow-empty)
end

function __hep_places --description 'OFFER: places in storages, or files and directories here'
    string match --quiet --regex -- '^-[^=]*$' (commandline -ct); and return
    set -l lead (string match --regex -- '^--?[^=]*=' (commandline -ct))
    set -l url (string replace -- "$lead" '' (commandline -ct) | string collect --allow-empty)
    set -l name ''
    if test $argv = outputs
        string match --quiet '*=*' -- $url; or return
        set name (string match --regex '^[^=]*=' -- $url)
    else if test $argv = places; and string match --quiet '*:*' -- (commandline -opc)[2..]
        __fish_complete_directories $url '' # it is named already, and shown there
        return
    end
    set -l file (string replace -- "$name" '' $url | string collect --allow-empty)
    string match --quiet --regex '^[./~]' -- $file; or __hep_ask $argv $url
    string match --quiet '*:*' -- $file; and return
    if test $argv = places
        __fish_complete_directories $file ''
    else
        string join \n -- $name(__fish_complete_path $file '')
    end
end

@COMMANDS@
