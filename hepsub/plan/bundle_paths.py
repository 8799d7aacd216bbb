"""Where the files of a bundle are.

In BUNDLE_ROOT/UUID, mode 0700, lie three parts:

* `private/`: what decides, and what no job may reach
    * `request.json`: what the manifests are written from; no secret in it
    * `lock`: held while somebody completes the bundle
    * `ready`: the bundle is complete, and the jobs may start: pool, schedd and cluster, as JSON
    * `cancelled`: its user took the submission back: its jobs are removed, and never started
    * `unlinked`: the user's names of the logs are no links to them: they are copied when the jobs have ended
    * `signed.json`: when the URLs of each storage end
    * `finished`: its jobs have ended, and all but reports and outputs that came home was removed
    * `creds/`: tickets and tokens, 0600, rewritten whole while the jobs live
    * `mailbox/`: what letters are made with: the signer's key (`signer.pem`), whom they are for (`recipient.crt`), the
      secret in their names (`secret`), and what was posted (`posted.json`); gone when the letters are
* `shared/`: what all jobs get, as copies; checked by its SHA-256 before it is used, never written again
    * `wrapper.sh`, `scratch.sh`: what runs on the worker node, and what the embedded pool and Slurm start
    * `ca.STORAGE.pem`: the certificates of storages' own authorities
    * `hepsub.letters.pem`, `hepsub.letters.crt`: the key that opens the jobs' letters, and who signs them
    * `lib/ARCHIVE`: the user's libraries, where they are sent along
    * `sets/N/hepsub.sums`, `sets/N/in/NAME`: the scripts and inputs that HTCondor sends, and their SHA-256
* `job/PROC/`: one job's own corner
    * `hepsub.manifest`: 0600, with signed URLs; read when the job starts, and by chirp later
    * `items.txt`: the job's items
    * copies of `private/creds/*`, where the job may reach nothing but its corner
    * `stdout`, `stderr`: its logs there, of which the user's names are second links
    * `home.PROC/`: what comes home: the report, and outputs that could not be uploaded
"""

from __future__ import annotations

from pathlib import Path

PRIVATE, SHARED, JOB = "private", "shared", "job"

REQUEST = "request.json"
LOCK = "lock"
READY = "ready"
CANCELLED = "cancelled"
UNLINKED = "unlinked"
SIGNED = "signed.json"
FINISHED = "finished"
CREDENTIALS = "creds"
MAILBOX = "mailbox"
LETTERS_KEY, LETTERS_SIGNER = "hepsub.letters.pem", "hepsub.letters.crt"
"""What a job opens letters with, and whom it believes; the names are those in the job's directory, too."""
SETS = "sets"
SUMS = "hepsub.sums"
WRAPPER = "wrapper.sh"
SCRATCH = "scratch.sh"
MANIFEST = "hepsub.manifest"
ENVIRONMENT_FILE = "hepsub.environment"
"""The file from which a job gets the variables that hold secrets."""
ITEMS_FILE = "items.txt"
"""The file in which a job finds its items, one a line."""
BUNDLED = "lib"
"""The directory with the archives that are sent along."""
ARCHIVES = ".libraries"
"""The directory beside the bundles with the archives that were packed, whatever job they were for."""
NO_LIST = "-"
"""Instead of the digest of a list of sums, where nothing but the wrapper is sent."""
SENT = "in"
STDOUT, STDERR = "stdout", "stderr"


def private_path(directory: Path, name: str = "") -> Path:
    """What no job may reach of the bundle in a directory; without a name, the directory of all that."""
    return directory / PRIVATE / name


def corner_of(proc: int) -> str:
    """A job's own directory, relative to the bundle's."""
    return f"{JOB}/{proc}"
