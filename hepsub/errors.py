"""Every error a user can meet: one class, one exit code, one remedy. 0 is success, 1 a bug in hepsub."""

from __future__ import annotations

from typing import Any, ClassVar


class HepsubError(Exception):
    """A designed error: what happened and where (message), what to do next (remedy).

    Attributes:
        result: what was done or found all the same, for callers of `hepsub.api`; None for nothing.
    """

    exit_code: ClassVar[int]
    code: ClassVar[str]

    def __init_subclass__(cls, *, exit_code: int = 0, code: str = "") -> None:
        """Give a class the exit code and the word that scripts rely on.

        Args:
            exit_code: its own; 0 for a special case of another error, which shares that one's.
            code: its own, when it has an exit code of its own.
        """
        super().__init_subclass__()
        if exit_code:
            cls.exit_code, cls.code = exit_code, code

    def __init__(self, message: str, *, remedy: str = "", result: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.result: Any = result

    def add(self, sentence: str, remedy: str) -> None:
        """Say what else has happened before, and what to do about both."""
        self.message = f"{self.message}; {sentence}"
        self.remedy = f"{self.remedy}; {remedy}" if self.remedy else remedy
        self.args = (self.message,)


class UsageError(HepsubError, exit_code=2, code="usage"):
    """The words of the command line cannot be read."""


# 10: a policy file


class PolicyError(HepsubError, exit_code=10, code="policy"):
    """A policy file is wrong; the message names file and line."""


# 11 to 19: what the job needs on this machine


class ScriptMissing(HepsubError, exit_code=11, code="script-missing"):
    """A script or program to run does not exist."""


class ScriptNotExecutable(HepsubError, exit_code=12, code="script-not-executable"):
    """A script or program exists but cannot be started."""


class LogDirectoryMissing(HepsubError, exit_code=13, code="log-directory-missing"):
    """The directory of stdout, stderr or the event log does not exist."""


class LogDirectoryNotWritable(HepsubError, exit_code=14, code="log-directory-not-writable"):
    """The directory of stdout, stderr or the event log cannot be written."""


class EnvironmentTooLarge(HepsubError, exit_code=15, code="environment-too-large"):
    """The environment that would travel with the job is above the limit."""


class ListUnreadable(HepsubError, exit_code=16, code="list-unreadable"):
    """The list after -list cannot be read, or holds no item."""


class ImageMissing(HepsubError, exit_code=17, code="image-missing"):
    """The container image does not exist."""


class JournalNotWritable(HepsubError, exit_code=18, code="journal-not-writable"):
    """The journal, in which every submission is noted first, cannot be written."""


class LibraryUnusable(HepsubError, exit_code=19, code="library-unusable"):
    """A file or directory after -lib does not exist, is too large, or cannot be packed."""


# 20 to 29: what the policy offers


class UnknownGroup(HepsubError, exit_code=20, code="unknown-group"):
    """The accounting group is not one of the user's."""


class NoGroup(HepsubError, exit_code=21, code="no-group"):
    """The user belongs to no group that has resources."""


class UnknownPool(HepsubError, exit_code=22, code="unknown-pool"):
    """The policy has no such pool."""


class UnknownWalltime(HepsubError, exit_code=23, code="unknown-walltime"):
    """The word after -wt is neither a walltime class nor a duration."""


class UnknownSite(HepsubError, exit_code=24, code="unknown-site"):
    """The policy has no such remote site, or none at all."""


class UnknownSystem(HepsubError, exit_code=25, code="unknown-os"):
    """The policy knows no image for this operating system."""


class NoSuitableSite(HepsubError, exit_code=26, code="no-suitable-site"):
    """No remote site takes this job; the message says why for each."""


class JobCountTooSmall(HepsubError, exit_code=27, code="job-count-too-small"):
    """-n asks for less than one job."""


class JobCountTooLarge(HepsubError, exit_code=28, code="job-count-too-large"):
    """-n, or the list, asks for more jobs than the policy allows in one cluster."""


class WalltimeTooLong(HepsubError, exit_code=29, code="walltime-too-long"):
    """The duration after -wt is longer than the longest walltime class."""


# 30 to 37: HTCondor's submit language, inputs and outputs


class NotExpressible(HepsubError, exit_code=30, code="not-expressible"):
    """A text cannot be handed to HTCondor unchanged."""


class UnknownStorage(HepsubError, exit_code=31, code="unknown-storage"):
    """No storage of the policy has this name or bucket, or it cannot be used as it is."""


class InputsMissing(HepsubError, exit_code=32, code="inputs-missing"):
    """Inputs do not exist; all that are missing are named."""


class OutputConflict(HepsubError, exit_code=33, code="output-conflict"):
    """Two jobs would write the same object or file."""


class StorageRefused(HepsubError, exit_code=34, code="storage-refused"):
    """The storage does not accept the keys, or forbids what was asked."""


class KeysRefused(StorageRefused):
    """The storage does not accept the keys, whatever is asked with them."""


class StorageUnreachable(HepsubError, exit_code=35, code="storage-unreachable"):
    """The storage does not answer."""


class BundleUnusable(HepsubError, exit_code=36, code="bundle-unusable"):
    """What travels with the jobs cannot be kept where the schedd would read it."""


class OutputPlaceUnusable(HepsubError, exit_code=37, code="output-place-unusable"):
    """The place of an output is one that no job could write to: no such bucket, or a directory that cannot be made."""


# 40 to 45: what the pool answered


class PoolUnreachable(HepsubError, exit_code=40, code="pool-unreachable"):
    """The collector or the schedd does not answer."""


class ScheddNotReached(PoolUnreachable):
    """No connection to the schedd was ever made, so it did nothing."""


class AuthenticationRefused(HepsubError, exit_code=41, code="authentication-refused"):
    """The schedd refused every authentication method that was tried."""


class SubmissionRefused(HepsubError, exit_code=42, code="submission-refused"):
    """The schedd said no to the submission; nothing was submitted."""


class SubmissionUncertain(HepsubError, exit_code=43, code="submission-uncertain"):
    """The connection was lost and the schedd cannot be asked whether the cluster exists."""


class UnknownSchedd(HepsubError, exit_code=44, code="unknown-schedd"):
    """The pool has no schedd of this name."""


class PoolError(HepsubError, exit_code=45, code="pool-error"):
    """A daemon of the pool answered with an error of its own."""


# 46 to 49: the embedded pool, and Slurm


class QueueDirectoryRefused(HepsubError, exit_code=46, code="queue-directory-refused"):
    """The directory of the queue cannot be trusted, or its file system cannot hold a queue."""


class QueueNotWritable(HepsubError, exit_code=47, code="queue-not-writable"):
    """The queue cannot be written (a full disk, a quota): nothing of what was asked was done."""


class NotOnThisMachine(HepsubError, exit_code=48, code="not-on-this-machine"):
    """The job asks for what the embedded pool does not have."""


class NotOnSlurm(HepsubError, exit_code=49, code="not-on-slurm"):
    """The job asks for what Slurm does not have, or hepsub cannot do behind it."""


# 50 to 53: which jobs are meant


class AmbiguousJob(HepsubError, exit_code=50, code="ambiguous-job"):
    """A job id that more than one schedd knows."""


class UnknownJob(HepsubError, exit_code=51, code="unknown-job"):
    """No schedd knows this job id."""


class NotYetMade(HepsubError, exit_code=52, code="not-yet-made"):
    """A proc of a factory that the schedd has not made yet."""


class NotDone(HepsubError, exit_code=53, code="not-done"):
    """Something of what was asked was not done."""


# 54 to 59: tickets, tokens, keys


class CredentialMissing(HepsubError, exit_code=54, code="credential-missing"):
    """There is no such ticket, token or key."""


class CredentialExpired(HepsubError, exit_code=55, code="credential-expired"):
    """A ticket or token has ended, and cannot be renewed."""


class AgentUnavailable(HepsubError, exit_code=56, code="agent-unavailable"):
    """The oidc-agent does not run, is locked, or has not loaded the account."""


class CredentialRefused(HepsubError, exit_code=57, code="credential-refused"):
    """The provider, the KDC or the token service says no; or what it gave is not what was asked for."""


class ProviderUnreachable(HepsubError, exit_code=58, code="provider-unreachable"):
    """The provider of tokens, or the KDC, does not answer."""


class RenewalNotInstalled(HepsubError, exit_code=59, code="renewal-not-installed"):
    """Nothing on this machine would run the renewal by itself."""


# 60: -wait


class JobsFailed(HepsubError, exit_code=60, code="jobs-failed"):
    """A job that was waited for did not end with exit code 0."""


class TimeOver(HepsubError, exit_code=61, code="time-over"):
    """The time to wait is over, and jobs go on."""


# 70, 71: other programs, and stdout


class ToolFailed(HepsubError, exit_code=70, code="tool-failed"):
    """Another program that hepsub started failed or did not end in time."""


class OutputUnwritable(HepsubError, exit_code=71, code="output-unwritable"):
    """What was asked was done, but stdout cannot be written; the message says what it would have held."""


# 72 to 76: buckets as directories


class MountPointRefused(HepsubError, exit_code=72, code="mount-point-refused"):
    """The directory cannot become a mount: it holds files, is a mount already, or lies in one."""


class FuseUnavailable(HepsubError, exit_code=73, code="fuse-unavailable"):
    """This machine does not let its users mount anything with FUSE."""


class MountFailed(HepsubError, exit_code=74, code="mount-failed"):
    """rclone did not bring the mount up; the message says why."""


class MountBusy(HepsubError, exit_code=75, code="mount-busy"):
    """A mount is in use, or has writes that the storage does not have yet: it stays."""


class UnknownMount(HepsubError, exit_code=76, code="unknown-mount"):
    """hep_mount has mounted nothing there on this host."""


# 130: Ctrl-C


class Interrupted(HepsubError, exit_code=130, code="interrupted"):
    """The user pressed Ctrl-C."""
