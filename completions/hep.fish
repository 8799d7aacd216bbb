# Completion of hepsub's commands in fish. Made by python -m hepsub.cli.generate: do not edit.

function __hep_first --description 'whether the first word of the command is at hand'
    test (count (commandline -opc)) -eq 1
end

function __hep_at --description 'NAME: whether this subcommand was given; none is called submit'
    set -l words (commandline -opc)
    if contains -- "$words[2]" status demo rm hold release edit history
        test "$words[2]" = $argv[1]
    else
        test $argv[1] = submit
    end
end

function __hep_behind --description 'OPTION...: whether the word at hand is right behind one of them'
    contains -- (commandline -opc)[-1] $argv
end

function __hep_option --description 'whether the word at hand is an option'
    string match --quiet -- '-*' (commandline -ct)
end

function __hep_jobs --description 'the jobs of the caller: clusters, and their jobs once there is a dot'
    __hep_option; and return
    set -l jobs (timeout 3 hep_q -u </dev/null 2>/dev/null | string match --regex '^[0-9]+[.][0-9]+')
    if string match --quiet '*.*' -- (commandline -ct)
        printf '%s\n' $jobs
    else
        printf '%s\n' $jobs | string replace --regex '[.].*' '' | uniq
    end
end

function __hep_groups --description 'the groups of the caller'
    id -Gn 2>/dev/null | string split ' '
end

complete -c hep_sub --erase
complete -c hep_sub -n '__hep_at submit' -o argu -l argu -l arguments -d 'Arguments of the job, up to the next option or --' -r -F
complete -c hep_sub -n '__hep_at submit' -o g -l group -d 'Accounting group, one of your own' -r -f -a '(__hep_groups)'
complete -c hep_sub -n '__hep_at submit' -o n -l number -d 'Number of jobs in the cluster' -r -f
complete -c hep_sub -n '__hep_at submit' -o o -l output -d 'Standard output' -r -F
complete -c hep_sub -n '__hep_at submit' -o e -l error -d 'Standard error, likewise' -r -F
complete -c hep_sub -n '__hep_at submit' -o mem -o m -l memory -d 'Memory of each job' -r -f
complete -c hep_sub -n '__hep_at submit' -o wt -l walltime -d 'Walltime class (test, short, default, mid, long), or a duration such as 90min or 3d' -r -f -a 'test short default mid long special'
complete -c hep_sub -n '__hep_at submit' -o os -l OperatingSystem -d 'Operating system (SL6, SL7, CentOS7, AlmaLinux9)' -r -f -a 'SL6 SL7 CentOS7 AlmaLinux9'
complete -c hep_sub -n '__hep_at submit' -o np -l numberprocess -o cpu -l cpu -d 'Cores of each job' -r -f
complete -c hep_sub -n '__hep_at submit' -o gpu -l gpu -d 'GPUs of each job' -r -f
complete -c hep_sub -n '__hep_at submit' -o prio -l priority -d 'Priority among your own jobs' -r -f
complete -c hep_sub -n '__hep_at submit' -o name -l name -d 'Name of the job' -r -f
complete -c hep_sub -n '__hep_at submit' -o list -l list -d 'One job for each line of the file' -r -F
complete -c hep_sub -n '__hep_at submit' -o per -l per -d 'K lines of the list for each job' -r -f
complete -c hep_sub -n '__hep_at submit' -o in -l in -d 'Input of each job' -r -f
complete -c hep_sub -n '__hep_at submit' -o out -l out -d 'Output of each job and where it goes' -r -f
complete -c hep_sub -n '__hep_at submit' -o nocheck -l nocheck -d 'Do not look whether the inputs exist'
complete -c hep_sub -n '__hep_at submit' -o first -l first -d '%{Index} of the first job' -r -f
complete -c hep_sub -n '__hep_at submit' -o env -l env -d 'Set a variable for the job, or send your own with -noenv' -r -f
complete -c hep_sub -n '__hep_at submit' -o noenv -l noenv -d 'Do not send your environment'
complete -c hep_sub -n '__hep_at submit' -o rmt -l remote -d 'Remote: run at any site outside the local cluster that takes the job'
complete -c hep_sub -n '__hep_at submit' -o normt -d 'Never remote'
complete -c hep_sub -n '__hep_at submit' -o site -l site -d 'Run at this remote site' -r -f
complete -c hep_sub -n '__hep_at submit' -o wn -l wn -d 'Run on this worker node, full or short name' -r -f
complete -c hep_sub -n '__hep_at submit' -o gwn -l gwn -d 'Run on this group of worker nodes' -r -f
complete -c hep_sub -n '__hep_at submit' -o image -l image -d 'Run in this container image' -r -F
complete -c hep_sub -n '__hep_at submit' -o dir -l dir -d 'Directory of the logs that -o and -e do not place' -r -f -a '(__fish_complete_directories (commandline -ct))'
complete -c hep_sub -n '__hep_at submit' -o l -l log -d 'HTCondor\'s event log of the cluster' -r -F
complete -c hep_sub -n '__hep_at submit' -o p -l pool -d 'Pool: virtual, physical, local, …' -r -f
complete -c hep_sub -n '__hep_at submit' -o schedd -l schedd -d 'Submit to this schedd' -r -f
complete -c hep_sub -n '__hep_at submit' -o u -l universe -d 'HTCondor\'s universe' -r -f
complete -c hep_sub -n '__hep_at submit' -o once -l once -d 'Submit once for this key' -r -f
complete -c hep_sub -n '__hep_at submit' -o wait -l wait -d 'Wait until all jobs have ended, or are on hold'
complete -c hep_sub -n '__hep_at submit' -o dry-run -l dry-run -d 'Show the plan, its reasons and the submit description'
complete -c hep_sub -n '__hep_at submit' -o quiet -l quiet -d 'No talk on stderr but errors'
complete -c hep_sub -n '__hep_at submit' -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at submit' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at submit' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n __hep_first -a 'status' -d 'Show your own jobs, cluster by cluster'
complete -c hep_sub -n '__hep_at status' -f
complete -c hep_sub -n '__hep_at status' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_sub -n '__hep_at status' -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at status' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at status' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n __hep_first -a 'demo' -d 'Show the whole way of the data on this machine'
complete -c hep_sub -n '__hep_at demo' -f
complete -c hep_sub -n '__hep_at demo' -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at demo' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at demo' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n __hep_first -a 'rm' -d 'Remove jobs'
complete -c hep_sub -n '__hep_at rm' -f
complete -c hep_sub -n '__hep_at rm' -f -a '(__hep_jobs)'
complete -c hep_sub -n '__hep_at rm' -o a -o all -l all -d 'All of your own jobs'
complete -c hep_sub -n '__hep_at rm' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_sub -n '__hep_at rm' -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at rm' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at rm' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n __hep_first -a 'hold' -d 'Put jobs on hold'
complete -c hep_sub -n '__hep_at hold' -f
complete -c hep_sub -n '__hep_at hold' -f -a '(__hep_jobs)'
complete -c hep_sub -n '__hep_at hold' -o a -o all -l all -d 'All of your own jobs'
complete -c hep_sub -n '__hep_at hold' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_sub -n '__hep_at hold' -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at hold' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at hold' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n __hep_first -a 'release' -d 'Release jobs from hold'
complete -c hep_sub -n '__hep_at release' -f
complete -c hep_sub -n '__hep_at release' -f -a '(__hep_jobs)'
complete -c hep_sub -n '__hep_at release' -o a -o all -l all -d 'All of your own jobs'
complete -c hep_sub -n '__hep_at release' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_sub -n '__hep_at release' -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at release' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at release' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n __hep_first -a 'edit' -d 'Change the memory of waiting and held jobs'
complete -c hep_sub -n '__hep_at edit' -f
complete -c hep_sub -n '__hep_at edit' -f -a '(__hep_jobs)'
complete -c hep_sub -n '__hep_at edit' -o m -o mem -l memory -d 'The memory that each job asks for from now on' -r -f
complete -c hep_sub -n '__hep_at edit' -o a -o all -l all -d 'All of your own jobs'
complete -c hep_sub -n '__hep_at edit' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_sub -n '__hep_at edit' -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at edit' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at edit' -o h -o help -l help -d 'Show this help and exit'
complete -c hep_sub -n __hep_first -a 'history' -d 'Show jobs that have ended'
complete -c hep_sub -n '__hep_at history' -f
complete -c hep_sub -n '__hep_at history' -o u -l user -d 'Jobs of this user'
complete -c hep_sub -n '__hep_at history; and __hep_behind -u --user' -f -a '(__fish_complete_users)'
complete -c hep_sub -n '__hep_at history' -o i -l id -d 'Only these clusters, jobs or ranges' -r -f
complete -c hep_sub -n '__hep_at history' -o n -l number -d 'The latest N' -r -f
complete -c hep_sub -n '__hep_at history' -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_sub -n '__hep_at history' -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_sub -n '__hep_at history' -o version -l version -d 'Show the version and exit'
complete -c hep_sub -n '__hep_at history' -o h -o help -l help -d 'Show this help and exit'

complete -c hep_q --erase
complete -c hep_q -f
complete -c hep_q -n 'not __hep_behind -u --user' -f -a '(__hep_jobs)'
complete -c hep_q -o u -l user -d 'Only jobs of this user'
complete -c hep_q -n '__hep_behind -u --user' -f -a '(__fish_complete_users)'
complete -c hep_q -o i -l id -d 'Only these clusters (13), jobs (13.2), ranges (13.0-9), schedd07:13.2' -r -f -a '(__hep_jobs)'
complete -c hep_q -o hold -l hold -d 'Only jobs on hold, with the reasons'
complete -c hep_q -o run -l run -d 'Only running jobs'
complete -c hep_q -o stat -l stat -d 'Only jobs in this state' -r -f -a 'I R X C H S'
complete -c hep_q -o why -l why -d 'Say in words why each job is where it is, and what to do'
complete -c hep_q -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_q -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_q -o version -l version -d 'Show the version and exit'
complete -c hep_q -o h -o help -l help -d 'Show this help and exit'

complete -c hep_rm --erase
complete -c hep_rm -f
complete -c hep_rm -f -a '(__hep_jobs)'
complete -c hep_rm -o a -o all -l all -d 'All of your own jobs'
complete -c hep_rm -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_rm -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_rm -o version -l version -d 'Show the version and exit'
complete -c hep_rm -o h -o help -l help -d 'Show this help and exit'

complete -c hep_hold --erase
complete -c hep_hold -f
complete -c hep_hold -f -a '(__hep_jobs)'
complete -c hep_hold -o a -o all -l all -d 'All of your own jobs'
complete -c hep_hold -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_hold -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_hold -o version -l version -d 'Show the version and exit'
complete -c hep_hold -o h -o help -l help -d 'Show this help and exit'

complete -c hep_release --erase
complete -c hep_release -f
complete -c hep_release -f -a '(__hep_jobs)'
complete -c hep_release -o a -o all -l all -d 'All of your own jobs'
complete -c hep_release -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_release -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_release -o version -l version -d 'Show the version and exit'
complete -c hep_release -o h -o help -l help -d 'Show this help and exit'

complete -c hep_edit --erase
complete -c hep_edit -f
complete -c hep_edit -f -a '(__hep_jobs)'
complete -c hep_edit -o m -o mem -l memory -d 'The memory that each job asks for from now on' -r -f
complete -c hep_edit -o a -o all -l all -d 'All of your own jobs'
complete -c hep_edit -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_edit -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_edit -o version -l version -d 'Show the version and exit'
complete -c hep_edit -o h -o help -l help -d 'Show this help and exit'

complete -c hep_history --erase
complete -c hep_history -f
complete -c hep_history -o u -l user -d 'Jobs of this user'
complete -c hep_history -n '__hep_behind -u --user' -f -a '(__fish_complete_users)'
complete -c hep_history -o i -l id -d 'Only these clusters, jobs or ranges' -r -f
complete -c hep_history -o n -l number -d 'The latest N' -r -f
complete -c hep_history -o p -l pool -d 'Pool of the policy, instead of the default one' -r -f
complete -c hep_history -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_history -o version -l version -d 'Show the version and exit'
complete -c hep_history -o h -o help -l help -d 'Show this help and exit'

complete -c hep_clus --erase
complete -c hep_clus -f
complete -c hep_clus -o g -l group -d 'The group' -r -f -a '(__hep_groups)'
complete -c hep_clus -o walltime -l walltime -d 'The walltime classes and their limits'
complete -c hep_clus -o json -l json -d 'Print one JSON document on stdout, also for errors'
complete -c hep_clus -o version -l version -d 'Show the version and exit'
complete -c hep_clus -o h -o help -l help -d 'Show this help and exit'
