# Completion of hepsub's commands in fish. Made by python -m hepsub.cli.generate: do not edit.

function __hep_command --description 'the command that the words name so far, and of how many words its name is'
    set -l words (commandline -opc)
    set -l name (string replace --regex '.*/' '' $words[1])
    set -l number 1
    for word in $words[2..]
        switch "$name $word"
            case 'hep_sub status'
                set name 'hep_sub status'
            case 'hep_sub demo'
                set name 'hep_sub demo'
            case 'hep_sub rm'
                set name 'hep_rm'
            case 'hep_sub hold'
                set name 'hep_hold'
            case 'hep_sub release'
                set name 'hep_release'
            case 'hep_sub edit'
                set name 'hep_edit'
            case 'hep_sub history'
                set name 'hep_history'
            case 'hep_sub tail'
                set name 'hep_tail'
            case 'hep_sub wait'
                set name 'hep_wait'
            case 'hep_sub fetch'
                set name 'hep_fetch'
            case 'hep_sub mount'
                set name 'hep_mount'
            case 'hep_sub auth'
                set name 'hep_auth'
            case 'hep_auth login'
                set name 'hep_auth login'
            case 'hep_auth renew'
                set name 'hep_auth renew'
            case 'hep_auth s3'
                set name 'hep_auth s3'
            case 'hep_auth token'
                set name 'hep_auth token'
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

complete -c hep_sub --erase
complete -c hep_sub -n '__hep_at hep_sub' -o argu -l argu -l arguments -d 'Arguments of the job, up to the next option or --' -r -F
complete -c hep_sub -n '__hep_at hep_sub' -o g -l group -d 'Accounting group, one of your own' -r -f -a '(__hep_asked groups)'
complete -c hep_sub -n '__hep_at hep_sub' -o n -l number -d 'Number of jobs in the cluster' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o o -l output -d 'Standard output' -r -F
complete -c hep_sub -n '__hep_at hep_sub' -o e -l error -d 'Standard error, likewise' -r -F
complete -c hep_sub -n '__hep_at hep_sub' -o mem -o m -l memory -d 'Memory of each job' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o wt -l walltime -d 'Walltime class of the policy, or a duration such as 90min or 3d' -r -f -a '(__hep_asked walltimes)'
complete -c hep_sub -n '__hep_at hep_sub' -o os -l OperatingSystem -d 'Operating system of the policy' -r -f -a '(__hep_asked systems)'
complete -c hep_sub -n '__hep_at hep_sub' -o np -l numberprocess -o cpu -l cpu -d 'Cores of each job' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o gpu -l gpu -d 'GPUs of each job' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o prio -l priority -d 'Priority among your own jobs' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o name -l name -d 'Name of the job' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o list -l list -d 'One job for each line of a file, or of stdin (-)' -r -f -a '(__hep_places lists)'
complete -c hep_sub -n '__hep_at hep_sub' -o columns -d 'Names of the list\'s columns, in their order' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o sep -d 'What stands between the columns' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o per -l per -d 'K items of the list for each job' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o in -l in -d 'Input of each job' -r -f -a '(__hep_places inputs)'
complete -c hep_sub -n '__hep_at hep_sub' -o out -l out -d 'Output of each job and where it goes' -r -f -a '(__hep_places outputs)'
complete -c hep_sub -n '__hep_at hep_sub' -o lib -l lib -d 'Library, program or directory of your own that goes along' -r -F
complete -c hep_sub -n '__hep_at hep_sub' -o nocheck -l nocheck -d 'Do not look whether inputs, or outputs of earlier jobs, exist'
complete -c hep_sub -n '__hep_at hep_sub' -o cred -l cred -d 'Send this credential along, and keep it fresh' -r -f -a '(__hep_asked credentials)'
complete -c hep_sub -n '__hep_at hep_sub' -o first -l first -d '%{Index} of the first job' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o env -l env -d 'Set a variable for the job, or send your own, with -noenv or although it looks like a secret' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o noenv -l noenv -d 'Do not send your environment'
complete -c hep_sub -n '__hep_at hep_sub' -o rmt -l remote -d 'Remote: run at any site outside the local cluster that takes the job'
complete -c hep_sub -n '__hep_at hep_sub' -o normt -d 'Never remote'
complete -c hep_sub -n '__hep_at hep_sub' -o site -l site -d 'Run at this remote site' -r -f -a '(__hep_asked sites)'
complete -c hep_sub -n '__hep_at hep_sub' -o type -l type -d 'What kind of work it is, for the rules of the policy about remote sites' -r -f -a 'bes-simulation bes-reconstruction bes-analysis corsika geant4'
complete -c hep_sub -n '__hep_at hep_sub' -o outsize -l outsize -d 'How much one job leaves behind, for the rules of the policy about remote sites' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o disk -d 'Disk of each job' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o retry -d 'Start a job that failed again, N times at the most' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o attr -d 'An attribute of the jobs\' ads, as +NAME of condor_submit' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o require -d 'A ClassAd expression that has to hold for a slot, besides what hepsub asks for' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o rank -d 'A ClassAd expression' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o append -d 'A submit command of condor_submit that hepsub leaves alone' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o maxidle -d 'Keep at most N idle jobs of the cluster in the queue' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o maxrun -d 'Have at most N jobs of the cluster in the queue at a time' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o notify -d 'When mail is sent' -r -f -a 'never complete error always'
complete -c hep_sub -n '__hep_at hep_sub' -o wn -l wn -d 'Run on this worker node, full or short name' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o gwn -l gwn -d 'Run on this group of worker nodes' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o image -l image -d 'Run in this container image, which goes along to sites' -r -F
complete -c hep_sub -n '__hep_at hep_sub' -o dir -l dir -d 'Directory of the logs that -o and -e do not place' -r -f -a '(__fish_complete_directories (commandline -ct))'
complete -c hep_sub -n '__hep_at hep_sub' -o l -l log -d 'HTCondor\'s event log of the cluster' -r -F
complete -c hep_sub -n '__hep_at hep_sub' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_sub' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_sub' -o schedd -l schedd -d 'Submit to this schedd' -r -f -a '(__hep_asked schedds)'
complete -c hep_sub -n '__hep_at hep_sub' -o u -l universe -d 'HTCondor\'s universe' -r -f -a 'vanilla'
complete -c hep_sub -n '__hep_at hep_sub' -o once -l once -d 'Submit once for this key' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o resubmit -d 'Run jobs of this earlier cluster again that failed or are on hold (those are removed first), as they were' -r -fk -a '(__hep_asked jobs)'
complete -c hep_sub -n '__hep_at hep_sub' -o failed -d 'With -resubmit'
complete -c hep_sub -n '__hep_at hep_sub' -o only -d 'With -resubmit' -r -f
complete -c hep_sub -n '__hep_at hep_sub' -o unknown -d 'With -resubmit'
complete -c hep_sub -n '__hep_at hep_sub' -o wait -l wait -d 'Wait until all jobs have ended, or are on hold'
complete -c hep_sub -n '__hep_at hep_sub' -o dry-run -l dry-run -d 'Show the plan, its reasons and the submit description'
complete -c hep_sub -n '__hep_at hep_sub' -o check -d 'Submit nothing, and say whether all is there that a submission needs'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_behind -check' -f -a 'policy'
complete -c hep_sub -n '__hep_at hep_sub' -o write -d 'With -check'
complete -c hep_sub -n '__hep_at hep_sub' -o completion -d 'Print what has bash, zsh or fish complete all commands, with the path of this hep_sub in it' -r -f -a 'bash zsh fish'
complete -c hep_sub -n '__hep_at hep_sub' -o quiet -l quiet -d 'No talk on stderr but errors'
complete -c hep_sub -n '__hep_at hep_sub' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_sub' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_sub' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_behind -h -help --help' -f -a 'all'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'status' -d 'Show your own jobs, cluster by cluster; with ids, these in full'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'demo' -d 'Show the whole way of the data on this machine'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'rm' -d 'Remove jobs'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'hold' -d 'Put jobs on hold'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'release' -d 'Release jobs from hold'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'edit' -d 'Change what waiting and held jobs ask for'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'history' -d 'Show jobs that have ended'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'tail' -d 'Show what a job writes'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'wait' -d 'Wait until jobs have ended'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'fetch' -d 'Bring the outputs of jobs here'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'mount' -d 'Show a bucket as a directory'
complete -c hep_sub -n '__hep_at hep_sub; and __hep_first' -a 'auth' -d 'Show tickets, tokens and keys, and get and renew them'
complete -c hep_sub -n '__hep_at hep_sub status' -f
complete -c hep_sub -n '__hep_at hep_sub status' -fk -a '(__hep_asked jobs)'
complete -c hep_sub -n '__hep_at hep_sub status' -o watch -l watch -d 'Show the counts again and again'
complete -c hep_sub -n '__hep_at hep_sub status' -o until -l until -d 'What ends -watch, if it comes first' -r -f -a 'done any-failed any-held'
complete -c hep_sub -n '__hep_at hep_sub status' -o state -l state -d 'One word for programs that manage workflows'
complete -c hep_sub -n '__hep_at hep_sub status' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_sub status' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_sub status' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_sub status' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_sub status' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_sub demo' -f
complete -c hep_sub -n '__hep_at hep_sub demo' -o script -l script -d 'Leave a script job.sh in this directory, to begin with'
complete -c hep_sub -n '__hep_at hep_sub demo' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_sub demo' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_sub demo' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_rm' -f
complete -c hep_sub -n '__hep_at hep_rm' -fk -a '(__hep_asked queued)'
complete -c hep_sub -n '__hep_at hep_rm' -o a -o all -l all -d 'All of your own jobs'
complete -c hep_sub -n '__hep_at hep_rm' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_rm' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_rm' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_rm' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_rm' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_hold' -f
complete -c hep_sub -n '__hep_at hep_hold' -fk -a '(__hep_asked queued)'
complete -c hep_sub -n '__hep_at hep_hold' -o a -o all -l all -d 'All of your own jobs'
complete -c hep_sub -n '__hep_at hep_hold' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_hold' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_hold' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_hold' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_hold' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_release' -f
complete -c hep_sub -n '__hep_at hep_release' -fk -a '(__hep_asked queued)'
complete -c hep_sub -n '__hep_at hep_release' -o a -o all -l all -d 'All of your own jobs'
complete -c hep_sub -n '__hep_at hep_release' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_release' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_release' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_release' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_release' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_edit' -f
complete -c hep_sub -n '__hep_at hep_edit' -fk -a '(__hep_asked queued)'
complete -c hep_sub -n '__hep_at hep_edit' -o m -o mem -l memory -d 'The memory that each job asks for from now on' -r -f
complete -c hep_sub -n '__hep_at hep_edit' -o np -o cpu -d 'Cores, likewise' -r -f
complete -c hep_sub -n '__hep_at hep_edit' -o disk -d 'Disk, likewise' -r -f
complete -c hep_sub -n '__hep_at hep_edit' -o wt -d 'Walltime: a class of the policy, or a duration, as for hep_sub' -r -f -a '(__hep_asked walltimes)'
complete -c hep_sub -n '__hep_at hep_edit' -o prio -d 'Priority among your own jobs' -r -f
complete -c hep_sub -n '__hep_at hep_edit' -o a -o all -l all -d 'All of your own jobs'
complete -c hep_sub -n '__hep_at hep_edit' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_edit' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_edit' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_edit' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_edit' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_history' -f
complete -c hep_sub -n '__hep_at hep_history; and not __hep_behind -u --user' -fk -a '(__hep_asked jobs)'
complete -c hep_sub -n '__hep_at hep_history' -o u -l user -d 'Jobs of this user'
complete -c hep_sub -n '__hep_at hep_history; and __hep_behind -u --user' -f -a '(__fish_complete_users)'
complete -c hep_sub -n '__hep_at hep_history' -o i -l id -d 'Only these clusters, jobs or ranges' -r -fk -a '(__hep_asked jobs)'
complete -c hep_sub -n '__hep_at hep_history' -o n -l number -d 'The latest N' -r -f
complete -c hep_sub -n '__hep_at hep_history' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_history' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_history' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_history' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_history' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_tail' -f
complete -c hep_sub -n '__hep_at hep_tail' -fk -a '(__hep_asked jobs)'
complete -c hep_sub -n '__hep_at hep_tail' -o f -l follow -d 'Go on with what it writes next, until it ends'
complete -c hep_sub -n '__hep_at hep_tail' -o e -l stderr -d 'Its stderr, instead of its stdout'
complete -c hep_sub -n '__hep_at hep_tail' -o n -l lines -d 'So many of the last lines' -r -f
complete -c hep_sub -n '__hep_at hep_tail' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_tail' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_tail' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_tail' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_tail' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_wait' -f
complete -c hep_sub -n '__hep_at hep_wait' -fk -a '(__hep_asked jobs)'
complete -c hep_sub -n '__hep_at hep_wait' -o timeout -l timeout -d 'Wait no longer than this' -r -f
complete -c hep_sub -n '__hep_at hep_wait' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_wait' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_wait' -o quiet -l quiet -d 'No progress and no notes'
complete -c hep_sub -n '__hep_at hep_wait' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_wait' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_wait' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_fetch' -f
complete -c hep_sub -n '__hep_at hep_fetch' -fk -a '(__hep_asked jobs)'
complete -c hep_sub -n '__hep_at hep_fetch' -o d -l dir -d 'The directory that gets them, instead of the current one' -r -f -a '(__fish_complete_directories (commandline -ct))'
complete -c hep_sub -n '__hep_at hep_fetch' -o only -l only -d 'Only outputs whose names match, such as \'*.root\'' -r -f
complete -c hep_sub -n '__hep_at hep_fetch' -o ls -l ls -d 'Show what there is and where, and fetch nothing'
complete -c hep_sub -n '__hep_at hep_fetch' -o wait -l wait -d 'First wait until the jobs have ended'
complete -c hep_sub -n '__hep_at hep_fetch' -o force -l force -d 'Replace files that are here and differ'
complete -c hep_sub -n '__hep_at hep_fetch' -o push -l push -d 'First upload what came home because the store was away (of the whole cluster)'
complete -c hep_sub -n '__hep_at hep_fetch' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_fetch' -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_sub -n '__hep_at hep_fetch' -o quiet -l quiet -d 'No progress and no notes'
complete -c hep_sub -n '__hep_at hep_fetch' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_fetch' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_fetch' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_mount' -f
complete -c hep_sub -n '__hep_at hep_mount' -f -a '(__hep_places places)'
complete -c hep_sub -n '__hep_at hep_mount' -o rw -l rw -d 'Let it be written to'
complete -c hep_sub -n '__hep_at hep_mount' -o f -o foreground -l foreground -d 'Stay in the foreground'
complete -c hep_sub -n '__hep_at hep_mount' -o ls -l ls -d 'Show your mounts on this host, how they are, and what they still have to send'
complete -c hep_sub -n '__hep_at hep_mount' -o u -o umount -l umount -d 'Take mounts away, when all that was written has arrived in the storage'
complete -c hep_sub -n '__hep_at hep_mount' -o a -o all -l all -d 'With -u'
complete -c hep_sub -n '__hep_at hep_mount' -o t -o timeout -l timeout -d 'With -u or -f' -r -f
complete -c hep_sub -n '__hep_at hep_mount' -o force -l force -d 'With -u'
complete -c hep_sub -n '__hep_at hep_mount' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_mount' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_mount' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_auth' -f
complete -c hep_sub -n '__hep_at hep_auth' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_sub -n '__hep_at hep_auth' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_auth' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_auth' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_auth; and __hep_first' -a 'login' -d 'Get what is missing, step by step'
complete -c hep_sub -n '__hep_at hep_auth; and __hep_first' -a 'renew' -d 'Keep fresh what waiting and running jobs have with them'
complete -c hep_sub -n '__hep_at hep_auth; and __hep_first' -a 's3' -d 'Tell or give the keys of a storage'
complete -c hep_sub -n '__hep_at hep_auth; and __hep_first' -a 'token' -d 'Print a token'
complete -c hep_sub -n '__hep_at hep_auth login' -f
complete -c hep_sub -n '__hep_at hep_auth login' -f -a '(__hep_asked credentials)'
complete -c hep_sub -n '__hep_at hep_auth login' -o krb -l krb -d 'Only the Kerberos ticket'
complete -c hep_sub -n '__hep_at hep_auth login' -o iam -l iam -d 'Only the IAM token'
complete -c hep_sub -n '__hep_at hep_auth login' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_auth login' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_auth login' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_auth renew' -f
complete -c hep_sub -n '__hep_at hep_auth renew' -o once -l once -d 'One round now'
complete -c hep_sub -n '__hep_at hep_auth renew' -o loop -l loop -d 'Round after round, until Ctrl-C or SIGTERM'
complete -c hep_sub -n '__hep_at hep_auth renew' -o install -l install -d 'Have it started by itself on this machine, also when you are logged out'
complete -c hep_sub -n '__hep_at hep_auth renew' -o uninstall -l uninstall -d 'Remove what -install added, and nothing else'
complete -c hep_sub -n '__hep_at hep_auth renew' -o status -l status -d 'Tell what the last round did and could not do, and whether it is installed'
complete -c hep_sub -n '__hep_at hep_auth renew' -o every -l every -d 'With -loop' -r -f
complete -c hep_sub -n '__hep_at hep_auth renew' -o quiet -l quiet -d 'Say nothing of what was done, or could not be'
complete -c hep_sub -n '__hep_at hep_auth renew' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_auth renew' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_auth renew' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_auth s3' -f
complete -c hep_sub -n '__hep_at hep_auth s3' -f -a '(__hep_asked storages)'
complete -c hep_sub -n '__hep_at hep_auth s3' -o process -l process -d 'Print the keys on stdout as AWS\'s credential_process does'
complete -c hep_sub -n '__hep_at hep_auth s3' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_auth s3' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_auth s3' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n '__hep_at hep_auth token' -f
complete -c hep_sub -n '__hep_at hep_auth token' -f -a '(__hep_asked credentials)'
complete -c hep_sub -n '__hep_at hep_auth token' -o aud -l aud -l audience -d 'The audience it has to be for' -r -f
complete -c hep_sub -n '__hep_at hep_auth token' -o scope -l scope -d 'A scope it has to have' -r -f
complete -c hep_sub -n '__hep_at hep_auth token' -o t -o time -l time -d 'How long it has to be valid at least' -r -f
complete -c hep_sub -n '__hep_at hep_auth token' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hep_auth token' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hep_auth token' -o h -o help -l help -d 'Show this help and exit'

complete -c hep_q --erase
complete -c hep_q -f
complete -c hep_q -n 'not __hep_behind -u --user' -fk -a '(__hep_asked jobs)'
complete -c hep_q -o u -l user -d 'Only jobs of this user'
complete -c hep_q -n '__hep_behind -u --user' -f -a '(__fish_complete_users)'
complete -c hep_q -o i -l id -d 'Only these clusters (13), jobs (13.2), ranges (13.0-9), schedd07:13.2' -r -fk -a '(__hep_asked jobs)'
complete -c hep_q -o hold -l hold -d 'Only jobs on hold, with the reasons'
complete -c hep_q -o run -l run -d 'Only running jobs'
complete -c hep_q -o stat -l stat -d 'Only jobs in this state' -r -f -a 'I R C H X S'
complete -c hep_q -o why -l why -d 'Say in words why each job is where it is, and what to do'
complete -c hep_q -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_q -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_q -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_q -o version -l version -d 'Show the version and exit'
complete -c hep_q -o h -o help -l help -d 'Show this help and exit'

complete -c hep_rm --erase
complete -c hep_rm -f
complete -c hep_rm -fk -a '(__hep_asked queued)'
complete -c hep_rm -o a -o all -l all -d 'All of your own jobs'
complete -c hep_rm -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_rm -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_rm -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_rm -o version -l version -d 'Show the version and exit'
complete -c hep_rm -o h -o help -l help -d 'Show this help and exit'

complete -c hep_hold --erase
complete -c hep_hold -f
complete -c hep_hold -fk -a '(__hep_asked queued)'
complete -c hep_hold -o a -o all -l all -d 'All of your own jobs'
complete -c hep_hold -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_hold -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_hold -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_hold -o version -l version -d 'Show the version and exit'
complete -c hep_hold -o h -o help -l help -d 'Show this help and exit'

complete -c hep_release --erase
complete -c hep_release -f
complete -c hep_release -fk -a '(__hep_asked queued)'
complete -c hep_release -o a -o all -l all -d 'All of your own jobs'
complete -c hep_release -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_release -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_release -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_release -o version -l version -d 'Show the version and exit'
complete -c hep_release -o h -o help -l help -d 'Show this help and exit'

complete -c hep_edit --erase
complete -c hep_edit -f
complete -c hep_edit -fk -a '(__hep_asked queued)'
complete -c hep_edit -o m -o mem -l memory -d 'The memory that each job asks for from now on' -r -f
complete -c hep_edit -o np -o cpu -d 'Cores, likewise' -r -f
complete -c hep_edit -o disk -d 'Disk, likewise' -r -f
complete -c hep_edit -o wt -d 'Walltime: a class of the policy, or a duration, as for hep_sub' -r -f -a '(__hep_asked walltimes)'
complete -c hep_edit -o prio -d 'Priority among your own jobs' -r -f
complete -c hep_edit -o a -o all -l all -d 'All of your own jobs'
complete -c hep_edit -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_edit -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_edit -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_edit -o version -l version -d 'Show the version and exit'
complete -c hep_edit -o h -o help -l help -d 'Show this help and exit'

complete -c hep_history --erase
complete -c hep_history -f
complete -c hep_history -n 'not __hep_behind -u --user' -fk -a '(__hep_asked jobs)'
complete -c hep_history -o u -l user -d 'Jobs of this user'
complete -c hep_history -n '__hep_behind -u --user' -f -a '(__fish_complete_users)'
complete -c hep_history -o i -l id -d 'Only these clusters, jobs or ranges' -r -fk -a '(__hep_asked jobs)'
complete -c hep_history -o n -l number -d 'The latest N' -r -f
complete -c hep_history -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_history -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_history -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_history -o version -l version -d 'Show the version and exit'
complete -c hep_history -o h -o help -l help -d 'Show this help and exit'

complete -c hep_tail --erase
complete -c hep_tail -f
complete -c hep_tail -fk -a '(__hep_asked jobs)'
complete -c hep_tail -o f -l follow -d 'Go on with what it writes next, until it ends'
complete -c hep_tail -o e -l stderr -d 'Its stderr, instead of its stdout'
complete -c hep_tail -o n -l lines -d 'So many of the last lines' -r -f
complete -c hep_tail -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_tail -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_tail -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_tail -o version -l version -d 'Show the version and exit'
complete -c hep_tail -o h -o help -l help -d 'Show this help and exit'

complete -c hep_wait --erase
complete -c hep_wait -f
complete -c hep_wait -fk -a '(__hep_asked jobs)'
complete -c hep_wait -o timeout -l timeout -d 'Wait no longer than this' -r -f
complete -c hep_wait -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_wait -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_wait -o quiet -l quiet -d 'No progress and no notes'
complete -c hep_wait -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_wait -o version -l version -d 'Show the version and exit'
complete -c hep_wait -o h -o help -l help -d 'Show this help and exit'

complete -c hep_clus --erase
complete -c hep_clus -f
complete -c hep_clus -o g -l group -d 'The group' -r -f -a '(__hep_asked groups)'
complete -c hep_clus -o walltime -l walltime -d 'The walltime classes and their limits'
complete -c hep_clus -o slurm -d 'The partitions of Slurm'
complete -c hep_clus -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_clus -o version -l version -d 'Show the version and exit'
complete -c hep_clus -o h -o help -l help -d 'Show this help and exit'

complete -c hep_fetch --erase
complete -c hep_fetch -f
complete -c hep_fetch -fk -a '(__hep_asked jobs)'
complete -c hep_fetch -o d -l dir -d 'The directory that gets them, instead of the current one' -r -f -a '(__fish_complete_directories (commandline -ct))'
complete -c hep_fetch -o only -l only -d 'Only outputs whose names match, such as \'*.root\'' -r -f
complete -c hep_fetch -o ls -l ls -d 'Show what there is and where, and fetch nothing'
complete -c hep_fetch -o wait -l wait -d 'First wait until the jobs have ended'
complete -c hep_fetch -o force -l force -d 'Replace files that are here and differ'
complete -c hep_fetch -o push -l push -d 'First upload what came home because the store was away (of the whole cluster)'
complete -c hep_fetch -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_fetch -o slurm -d 'The policy\'s pool of Slurm\'s'
complete -c hep_fetch -o quiet -l quiet -d 'No progress and no notes'
complete -c hep_fetch -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_fetch -o version -l version -d 'Show the version and exit'
complete -c hep_fetch -o h -o help -l help -d 'Show this help and exit'

complete -c hep_mount --erase
complete -c hep_mount -f
complete -c hep_mount -f -a '(__hep_places places)'
complete -c hep_mount -o rw -l rw -d 'Let it be written to'
complete -c hep_mount -o f -o foreground -l foreground -d 'Stay in the foreground'
complete -c hep_mount -o ls -l ls -d 'Show your mounts on this host, how they are, and what they still have to send'
complete -c hep_mount -o u -o umount -l umount -d 'Take mounts away, when all that was written has arrived in the storage'
complete -c hep_mount -o a -o all -l all -d 'With -u'
complete -c hep_mount -o t -o timeout -l timeout -d 'With -u or -f' -r -f
complete -c hep_mount -o force -l force -d 'With -u'
complete -c hep_mount -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_mount -o version -l version -d 'Show the version and exit'
complete -c hep_mount -o h -o help -l help -d 'Show this help and exit'

complete -c hep_auth --erase
complete -c hep_auth -n '__hep_at hep_auth' -f
complete -c hep_auth -n '__hep_at hep_auth' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f -a '(__hep_asked pools)'
complete -c hep_auth -n '__hep_at hep_auth' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_auth -n '__hep_at hep_auth' -o version -l version -d 'Show the version and exit'
complete -c hep_auth -n '__hep_at hep_auth' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_auth -n '__hep_at hep_auth; and __hep_first' -a 'login' -d 'Get what is missing, step by step'
complete -c hep_auth -n '__hep_at hep_auth; and __hep_first' -a 'renew' -d 'Keep fresh what waiting and running jobs have with them'
complete -c hep_auth -n '__hep_at hep_auth; and __hep_first' -a 's3' -d 'Tell or give the keys of a storage'
complete -c hep_auth -n '__hep_at hep_auth; and __hep_first' -a 'token' -d 'Print a token'
complete -c hep_auth -n '__hep_at hep_auth login' -f
complete -c hep_auth -n '__hep_at hep_auth login' -f -a '(__hep_asked credentials)'
complete -c hep_auth -n '__hep_at hep_auth login' -o krb -l krb -d 'Only the Kerberos ticket'
complete -c hep_auth -n '__hep_at hep_auth login' -o iam -l iam -d 'Only the IAM token'
complete -c hep_auth -n '__hep_at hep_auth login' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_auth -n '__hep_at hep_auth login' -o version -l version -d 'Show the version and exit'
complete -c hep_auth -n '__hep_at hep_auth login' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_auth -n '__hep_at hep_auth renew' -f
complete -c hep_auth -n '__hep_at hep_auth renew' -o once -l once -d 'One round now'
complete -c hep_auth -n '__hep_at hep_auth renew' -o loop -l loop -d 'Round after round, until Ctrl-C or SIGTERM'
complete -c hep_auth -n '__hep_at hep_auth renew' -o install -l install -d 'Have it started by itself on this machine, also when you are logged out'
complete -c hep_auth -n '__hep_at hep_auth renew' -o uninstall -l uninstall -d 'Remove what -install added, and nothing else'
complete -c hep_auth -n '__hep_at hep_auth renew' -o status -l status -d 'Tell what the last round did and could not do, and whether it is installed'
complete -c hep_auth -n '__hep_at hep_auth renew' -o every -l every -d 'With -loop' -r -f
complete -c hep_auth -n '__hep_at hep_auth renew' -o quiet -l quiet -d 'Say nothing of what was done, or could not be'
complete -c hep_auth -n '__hep_at hep_auth renew' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_auth -n '__hep_at hep_auth renew' -o version -l version -d 'Show the version and exit'
complete -c hep_auth -n '__hep_at hep_auth renew' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_auth -n '__hep_at hep_auth s3' -f
complete -c hep_auth -n '__hep_at hep_auth s3' -f -a '(__hep_asked storages)'
complete -c hep_auth -n '__hep_at hep_auth s3' -o process -l process -d 'Print the keys on stdout as AWS\'s credential_process does'
complete -c hep_auth -n '__hep_at hep_auth s3' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_auth -n '__hep_at hep_auth s3' -o version -l version -d 'Show the version and exit'
complete -c hep_auth -n '__hep_at hep_auth s3' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_auth -n '__hep_at hep_auth token' -f
complete -c hep_auth -n '__hep_at hep_auth token' -f -a '(__hep_asked credentials)'
complete -c hep_auth -n '__hep_at hep_auth token' -o aud -l aud -l audience -d 'The audience it has to be for' -r -f
complete -c hep_auth -n '__hep_at hep_auth token' -o scope -l scope -d 'A scope it has to have' -r -f
complete -c hep_auth -n '__hep_at hep_auth token' -o t -o time -l time -d 'How long it has to be valid at least' -r -f
complete -c hep_auth -n '__hep_at hep_auth token' -o json -l json -d 'One JSON document on stdout, also for errors'
complete -c hep_auth -n '__hep_at hep_auth token' -o version -l version -d 'Show the version and exit'
complete -c hep_auth -n '__hep_at hep_auth token' -o h -o help -l help -d 'Show this help and exit'
