"""The embedded pool: a queue on this machine's disk behind the same seam as HTCondor.

    HereBatch (pool.py)     what hep_* commands call: writes the queue, starts the runner
    queue.py, runs.py       the rows, as commands and as the runner see them (SQLite, database.py)
    runner.py               one process for each user and host: starts and stops jobs as slots allow
    machine.py              cores and memory, and which jobs get them next
    supervise.py            one process for each running job: limits, signals, how it ended
    record.py               the file in which a supervisor says so, whole, also on a full disk
    outcome.py              what has become of a run, whoever was killed meanwhile

A runner that is killed costs nothing: supervisors go on, and the next runner finds them by the locks
on their records.
"""
