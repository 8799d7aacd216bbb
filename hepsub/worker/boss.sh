#!/bin/sh
# Away from home BOSS's job options are run by the boss.exe that the job's own PATH finds there.
exec boss.exe "$@"
