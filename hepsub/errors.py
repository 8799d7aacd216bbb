"""Every error a user can meet: one class, one exit code, one remedy.

    HepsubError
    ├── UsageError                 2   the words of the command line
    ├── PolicyError               10   a policy file
    ├── ScriptMissing             11   ┐
    ├── ScriptNotExecutable       12   │
    ├── LogDirectoryMissing       13   │ what the job needs on this machine
    ├── LogDirectoryNotWritable   14   │
    ├── EnvironmentTooLarge       15   │
    ├── ListUnreadable            16   │
    ├── ImageMissing              17   │
    ├── JournalNotWritable        18   │
    ├── LibraryUnusable           19   ┘
    ├── UnknownGroup              20   ┐
    ├── NoGroup                   21   │
    ├── UnknownPool               22   │
    ├── UnknownWalltime           23   │ what the policy offers
    ├── UnknownSite               24   │
    ├── UnknownSystem             25   │
    ├── NoSuitableSite            26   │
    ├── JobCountTooSmall          27   │
    ├── JobCountTooLarge          28   │
    ├── WalltimeTooLong           29   ┘
    ├── NotExpressible            30   HTCondor's submit language has no words for it
    ├── UnknownStorage            31   ┐
    ├── InputsMissing             32   │
    ├── OutputConflict            33   │ inputs and outputs
    ├── StorageRefused            34   │
    │   └── KeysRefused           34   │
    ├── StorageUnreachable        35   │
    ├── BundleUnusable            36   │
    ├── OutputPlaceUnusable       37   ┘
    ├── PoolUnreachable           40   ┐
    │   └── ScheddNotReached      40   │
    ├── AuthenticationRefused     41   │
    ├── SubmissionRefused         42   │ what the pool answered
    ├── SubmissionUncertain       43   │
    ├── UnknownSchedd             44   │
    ├── PoolError                 45   ┘
    ├── QueueDirectoryRefused     46   ┐
    ├── QueueNotWritable          47   │ the embedded pool
    ├── NotOnThisMachine          48   ┘
    ├── AmbiguousJob              50   ┐
    ├── UnknownJob                51   │ which jobs are meant
    ├── NotYetMade                52   │
    ├── NotDone                   53   ┘
    ├── CredentialMissing         54   ┐
    ├── CredentialExpired         55   │
    ├── AgentUnavailable          56   │ tickets, tokens, keys
    ├── CredentialRefused         57   │
    ├── ProviderUnreachable       58   │
    ├── RenewalNotInstalled       59   ┘
    ├── JobsFailed                60   -wait: a job did not end with 0
    ├── ToolFailed                70   another program did not do what it was asked
    ├── OutputUnwritable          71   stdout is full or broken; what was asked was done
    ├── MountPointRefused         72   ┐
    ├── FuseUnavailable           73   │
    ├── MountFailed               74   │ buckets as directories
    ├── MountBusy                 75   │
    ├── UnknownMount              76   ┘
    └── Interrupted              130   Ctrl-C

0 is success, 1 a bug in hepsub.
"""

from __future__ import annotations

from typing import ClassVar


class HepsubError(Exception):
    """A designed error: what happened and where (message), what to do next (remedy)."""

    exit_code: ClassVar[int]
    code: ClassVar[str]

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(HepsubError):
    """The words of the command line cannot be read."""

    exit_code = 2
    code = "usage"


class PolicyError(HepsubError):
    """A policy file is wrong; the message names file and line."""

    exit_code = 10
    code = "policy"


class ScriptMissing(HepsubError):
    """A script or program to run does not exist."""

    exit_code = 11
    code = "script-missing"


class ScriptNotExecutable(HepsubError):
    """A script or program exists but cannot be started."""

    exit_code = 12
    code = "script-not-executable"


class LogDirectoryMissing(HepsubError):
    """The directory of stdout, stderr or the event log does not exist."""

    exit_code = 13
    code = "log-directory-missing"


class LogDirectoryNotWritable(HepsubError):
    """The directory of stdout, stderr or the event log cannot be written."""

    exit_code = 14
    code = "log-directory-not-writable"


class EnvironmentTooLarge(HepsubError):
    """The environment that would travel with the job is above the limit."""

    exit_code = 15
    code = "environment-too-large"


class ListUnreadable(HepsubError):
    """The list after -list cannot be read, or holds no item."""

    exit_code = 16
    code = "list-unreadable"


class ImageMissing(HepsubError):
    """The container image does not exist."""

    exit_code = 17
    code = "image-missing"


class JournalNotWritable(HepsubError):
    """The journal, in which every submission is noted first, cannot be written."""

    exit_code = 18
    code = "journal-not-writable"


class LibraryUnusable(HepsubError):
    """A file or directory after -lib does not exist, is too large, or cannot be packed."""

    exit_code = 19
    code = "library-unusable"


class UnknownGroup(HepsubError):
    """The accounting group is not one of the user's."""

    exit_code = 20
    code = "unknown-group"


class NoGroup(HepsubError):
    """The user belongs to no group that has resources."""

    exit_code = 21
    code = "no-group"


class UnknownPool(HepsubError):
    """The policy has no such pool."""

    exit_code = 22
    code = "unknown-pool"


class UnknownWalltime(HepsubError):
    """The word after -wt is neither a walltime class nor a duration."""

    exit_code = 23
    code = "unknown-walltime"


class UnknownSite(HepsubError):
    """The policy has no such remote site, or none at all."""

    exit_code = 24
    code = "unknown-site"


class UnknownSystem(HepsubError):
    """The policy knows no image for this operating system."""

    exit_code = 25
    code = "unknown-os"


class NoSuitableSite(HepsubError):
    """No remote site takes this job; the message says why for each."""

    exit_code = 26
    code = "no-suitable-site"


class JobCountTooSmall(HepsubError):
    """-n asks for less than one job."""

    exit_code = 27
    code = "job-count-too-small"


class JobCountTooLarge(HepsubError):
    """-n, or the list, asks for more jobs than the policy allows in one cluster."""

    exit_code = 28
    code = "job-count-too-large"


class WalltimeTooLong(HepsubError):
    """The duration after -wt is longer than the longest walltime class."""

    exit_code = 29
    code = "walltime-too-long"


class NotExpressible(HepsubError):
    """A text cannot be handed to HTCondor unchanged."""

    exit_code = 30
    code = "not-expressible"


class UnknownStorage(HepsubError):
    """No storage of the policy has this name or bucket, or it cannot be used as it is."""

    exit_code = 31
    code = "unknown-storage"


class InputsMissing(HepsubError):
    """Inputs do not exist; all that are missing are named."""

    exit_code = 32
    code = "inputs-missing"


class OutputConflict(HepsubError):
    """Two jobs would write the same object or file."""

    exit_code = 33
    code = "output-conflict"


class StorageRefused(HepsubError):
    """The storage does not accept the keys, or forbids what was asked."""

    exit_code = 34
    code = "storage-refused"


class KeysRefused(StorageRefused):
    """The storage does not accept the keys, whatever is asked with them."""


class StorageUnreachable(HepsubError):
    """The storage does not answer."""

    exit_code = 35
    code = "storage-unreachable"


class BundleUnusable(HepsubError):
    """What travels with the jobs cannot be kept where the schedd would read it."""

    exit_code = 36
    code = "bundle-unusable"


class OutputPlaceUnusable(HepsubError):
    """The place of an output is one that no job could write to: no such bucket, or a directory that cannot be made."""

    exit_code = 37
    code = "output-place-unusable"


class PoolUnreachable(HepsubError):
    """The collector or the schedd does not answer."""

    exit_code = 40
    code = "pool-unreachable"


class ScheddNotReached(PoolUnreachable):
    """No connection to the schedd was ever made, so it did nothing."""


class AuthenticationRefused(HepsubError):
    """The schedd refused every authentication method that was tried."""

    exit_code = 41
    code = "authentication-refused"


class SubmissionRefused(HepsubError):
    """The schedd said no to the submission; nothing was submitted."""

    exit_code = 42
    code = "submission-refused"


class SubmissionUncertain(HepsubError):
    """The connection was lost and the schedd cannot be asked whether the cluster exists."""

    exit_code = 43
    code = "submission-uncertain"


class UnknownSchedd(HepsubError):
    """The pool has no schedd of this name."""

    exit_code = 44
    code = "unknown-schedd"


class PoolError(HepsubError):
    """A daemon of the pool answered with an error of its own."""

    exit_code = 45
    code = "pool-error"


class QueueDirectoryRefused(HepsubError):
    """The directory of the queue cannot be trusted, or its file system cannot hold a queue."""

    exit_code = 46
    code = "queue-directory-refused"


class QueueNotWritable(HepsubError):
    """The queue cannot be written (a full disk, a quota): nothing of what was asked was done."""

    exit_code = 47
    code = "queue-not-writable"


class NotOnThisMachine(HepsubError):
    """The job asks for what the embedded pool does not have."""

    exit_code = 48
    code = "not-on-this-machine"


class AmbiguousJob(HepsubError):
    """A job id that more than one schedd knows."""

    exit_code = 50
    code = "ambiguous-job"


class UnknownJob(HepsubError):
    """No schedd knows this job id."""

    exit_code = 51
    code = "unknown-job"


class NotYetMade(HepsubError):
    """A proc of a factory that the schedd has not made yet."""

    exit_code = 52
    code = "not-yet-made"


class NotDone(HepsubError):
    """Something of what was asked was not done."""

    exit_code = 53
    code = "not-done"


class CredentialMissing(HepsubError):
    """There is no such ticket, token or key."""

    exit_code = 54
    code = "credential-missing"


class CredentialExpired(HepsubError):
    """A ticket or token has ended, and cannot be renewed."""

    exit_code = 55
    code = "credential-expired"


class AgentUnavailable(HepsubError):
    """The oidc-agent does not run, is locked, or has not loaded the account."""

    exit_code = 56
    code = "agent-unavailable"


class CredentialRefused(HepsubError):
    """The provider, the KDC or the token service says no; or what it gave is not what was asked for."""

    exit_code = 57
    code = "credential-refused"


class ProviderUnreachable(HepsubError):
    """The provider of tokens, or the KDC, does not answer."""

    exit_code = 58
    code = "provider-unreachable"


class RenewalNotInstalled(HepsubError):
    """Nothing on this machine would run the renewal by itself."""

    exit_code = 59
    code = "renewal-not-installed"


class JobsFailed(HepsubError):
    """A job that was waited for did not end with exit code 0."""

    exit_code = 60
    code = "jobs-failed"


class ToolFailed(HepsubError):
    """Another program that hepsub started failed or did not end in time."""

    exit_code = 70
    code = "tool-failed"


class OutputUnwritable(HepsubError):
    """What was asked was done, but stdout cannot be written; the message says what it would have held."""

    exit_code = 71
    code = "output-unwritable"


class MountPointRefused(HepsubError):
    """The directory cannot become a mount: it holds files, is a mount already, or lies in one."""

    exit_code = 72
    code = "mount-point-refused"


class FuseUnavailable(HepsubError):
    """This machine does not let its users mount anything with FUSE."""

    exit_code = 73
    code = "fuse-unavailable"


class MountFailed(HepsubError):
    """rclone did not bring the mount up; the message says why."""

    exit_code = 74
    code = "mount-failed"


class MountBusy(HepsubError):
    """A mount is in use, or has writes that the storage does not have yet: it stays."""

    exit_code = 75
    code = "mount-busy"


class UnknownMount(HepsubError):
    """hep_mount has mounted nothing there on this host."""

    exit_code = 76
    code = "unknown-mount"


class Interrupted(HepsubError):
    """The user pressed Ctrl-C."""

    exit_code = 130
    code = "interrupted"
