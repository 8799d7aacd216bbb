"""A job with a bundle: the wrapper in front of its program, the files it is sent, and its credentials. Pure."""

from __future__ import annotations

import os
import string
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from msgspec import Struct

from hepsub.condor.attributes import GATE, LOST_SUBCODE
from hepsub.condor.boot import SEAL, boot_arguments, boot_environment
from hepsub.condor.quoting import (
    AGAIN_VALUE,
    CLUSTER_VALUE,
    MACROS,
    PROC_VALUE,
    SEAL_ATTRIBUTE,
    SEAL_VALUE,
    classad_string,
    plain,
    quote_line,
    string_literal,
)
from hepsub.errors import NotExpressible
from hepsub.plan.bundle_paths import (
    BUNDLED,
    CREDENTIALS,
    ENVIRONMENT_FILE,
    ITEMS_FILE,
    JOB,
    LETTERS_KEY,
    LETTERS_SIGNER,
    MANIFEST,
    NO_LIST,
    PRIVATE,
    SENT,
    SETS,
    SHARED,
    STDERR,
    STDOUT,
    SUMS,
    WRAPPER,
)
from hepsub.plan.model import Plan
from hepsub.plan.staging import Seal, StagingPlan
from hepsub.plan.template import Template, parse_template
from hepsub.policy.model import KERBEROS

_SET, SUMS_VARIABLE = "HEPSET", "HEPSUMS"
"""The submit variables that say which of several sets of files a job gets, and the digest of its list."""
_UNKNOWN = "0" * 64
_PLAIN = frozenset(string.ascii_letters + string.digits + " _./:=,@%+~^-")
_LOST = f"MY.ChirpHepSub_Lost isnt undefined && ExitCode =?= {LOST_SUBCODE}"


class Staged(Struct, frozen=True, kw_only=True):
    """The way of a job with a bundle: HTCondor carries the wrapper, and the wrapper the rest.

    Attributes:
        varying: the submit variables whose values are written out job by job.
        margin_s: by how much later than its walltime limit the job is held.
        cluster: ClusterId, as it is written where the job reads it.
        proc: ProcId likewise.
        again: what a job that is run again is known by, likewise.
        universe: HTCondor's universe; empty where the image decides it.
    """

    plan: Plan
    staging: StagingPlan
    uuid: str
    varying: frozenset[str]
    # The wrapper ends the program itself, in time to save the outputs, which a hold would lose; and HTCondor's clock
    # starts before the wrapper's does, with the transfer of the sandbox.
    margin_s: int = 600
    cluster: str = CLUSTER_VALUE
    proc: str = PROC_VALUE
    again: str = AGAIN_VALUE
    universe: str = ""

    @property
    def several(self) -> bool:
        """Whether the jobs get different sets of files."""
        return self.staging.seal is not None and bool(self.staging.seal.set_of)

    @property
    def _bundle(self) -> str:
        return plain(f"{self.staging.bundle_root}/{self.uuid}", "bundle_dir")

    @property
    def _corner(self) -> str:
        return f"{self._bundle}/{JOB}/$(ProcId)"

    @property
    def is_gated(self) -> bool:
        """Whether the jobs wait for their bundle; those that are handed over wait for their files anyway."""
        return self.staging.needs_cluster and not self.plan.route.delivery.handed_over

    def program(self, executable: str, arguments: str) -> Iterator[str]:
        """A shell that compares the wrapper before it starts it; tables show the user's program all the same."""
        name = self._name()
        boot = quote_line(boot_arguments(parse_template(name)))
        yield "executable = /bin/sh"
        yield "transfer_executable = false"
        yield f'arguments = "{boot}{" " if arguments else ""}{arguments}"'
        yield f"My.HepSub_Cmd = {string_literal(executable)}"
        yield f"description = {self._shown(name)}"  # which condor_q shows; hep_q has HepSub_Cmd

    def _name(self) -> str:
        """The program's name, a template; a list's items have names of their own, which only HepSub_Cmd has."""
        return "job" if "HEPEXE" in self.varying else PurePosixPath(str(self.plan.executable)).name

    def _shown(self, name: str) -> str:
        """What condor_q shows instead of the shell: the program's name, and its arguments where they are plain."""
        words = () if "HEPARGS" in self.varying else self.plan.arguments
        return " ".join(_shown_word(each) for each in (parse_template(name), *words))

    def log(self, command: str, path: str, name: str, what: str) -> str:
        """Where HTCondor writes stdout or stderr: in the job's corner, where it may write nowhere else.

        Args:
            command: `output` or `error`.
            path: the log.
            name: the log as it is checked.
            what: what messages call it.

        Raises:
            NotExpressible: HTCondor would put it elsewhere, or nowhere.
        """
        stdout, stderr = str(self.plan.stdout), str(self.plan.stderr)
        if self.staging.confined and name != os.devnull:
            file = STDERR if command == "error" and stdout != stderr else STDOUT
            return f"{self._corner}/{file}"
        # It brings them by transfer_output_remaps, which has `;` and `=` between files, and a backslash in front of
        # them; what a schedd was handed comes back with blanks and `=` dividing, too (tried on 23.9.6).
        foreign = ",;\\ =" if self.plan.route.delivery.handed_over else ",;\\"
        if found := set(name) & set(foreign):
            signs = " and ".join("a blank" if each == " " else each for each in sorted(found))
            raise NotExpressible(
                f"{what} '{name}' has {signs}, with which HTCondor does not find the log's place",
                remedy="choose another name or directory with -o and -e",
            )
        return path

    def transfer(self) -> Iterator[str]:
        """What HTCondor sends and brings home, and what the job may reach meanwhile."""
        staging, corner = self.staging, self._corner
        # What comes home lands in initialdir, which no other job may write into.
        yield f"initialdir = {corner}"
        # Left to itself HTCondor brings every new or changed file of the top level, a refreshed ticket too, and no
        # directory; of named ones a missing one holds the job (12/2). So the wrapper makes this one before all else.
        yield "transfer_output_files = home.$(ProcId)"
        yield "should_transfer_files = YES"
        yield "when_to_transfer_output = ON_EXIT"
        yield f"transfer_input_files = {', '.join(self._sent())}"
        # Signed URLs, tickets and secrets, whatever else the pool leaves unencrypted.
        files = [each.file for each in staging.credentials if each.travels]
        files += [ENVIRONMENT_FILE] if staging.secrets else []
        files += _letters(staging)
        yield f"encrypt_input_files = {', '.join([MANIFEST, *files])}"
        yield from self._credentials()
        if not staging.shared and not staging.isolation and self.plan.route.sites:
            yield "My.WantDelayedUpdates = false"  # whoever reads the job's directory could use them
        if staging.confined and not self.universe:
            yield f"My.LimitDirectoryAccess = {string_literal(f'{self._bundle}/{SHARED},{corner}')}"
        if staging.confined or staging.chirp:
            yield from self._proxy()
        if self.is_gated:
            yield f"My.{GATE} = false"

    def _sent(self) -> Iterator[str]:
        """The manifest and credentials of each job, the wrapper, and what all or some jobs get."""
        staging, bundle, corner = self.staging, self._bundle, self._corner
        yield f"{corner}/{MANIFEST}"
        credentials = corner if staging.confined else f"{bundle}/{PRIVATE}/{CREDENTIALS}"
        yield from (f"{credentials}/{each.file}" for each in staging.credentials if each.travels)
        archives = (f"{BUNDLED}/{each.archive}" for each in staging.libraries if not each.place)
        files = [WRAPPER, *archives, *staging.authorities]
        files += [ENVIRONMENT_FILE] if staging.secrets else []
        files += _letters(staging)
        yield from (f"{bundle}/{SHARED}/{name}" for name in files)
        if self.plan.items:
            yield f"{corner}/{ITEMS_FILE}"
        place = f"{bundle}/{SHARED}/{SETS}/{f'$({_SET})' if self.several else '0'}"
        if staging.seal is None or NO_LIST not in staging.seal.sets:
            yield f"{place}/{SUMS}"
        if not staging.shared:
            yield f"{place}/{SENT}/"  # all that is in it

    def _credentials(self) -> Iterator[str]:
        """What the worker nodes' own scripts look for, and what HTCondor is asked to deliver itself."""
        services = [each.service for each in self.staging.credentials if each.service]
        if services:
            yield f"use_oauth_services = {', '.join(services)}"
        for each in self.staging.credentials:
            if each.kind != KERBEROS:
                continue
            if each.by_condor:
                yield "My.SendCredential = true"
            else:
                yield f"My.HepJob_KRB5CCNAME = {classad_string(each.file, 'the ticket')}"

    def _proxy(self) -> Iterator[str]:
        """What a job may ask this side for, and tell it, while it runs."""
        # LimitDirectoryAccess holds for HTCondor's own transfers, and for what the I/O proxy reads and writes; not for
        # links, which is why there is no proxy unless the policy wants it.
        yield f"want_io_proxy = {str(self.staging.chirp).lower()}"
        # On wherever WantIOProxy is, it would let a job change any attribute of its own ad, the limit included. Delayed
        # updates, of names that begin with Chirp, are a switch of their own, and stay (tried: 23.9.6, 25.14.1).
        yield "My.WantRemoteUpdates = false"

    def environment(self) -> str:
        """The variables with which the wrapper is compared, in HTCondor's syntax."""
        seal = self.staging.seal or Seal(wrapper=_UNKNOWN, sets=(_UNKNOWN,))
        boot = quote_line(boot_environment(seal.wrapper))
        digest = self.digest if self.several else seal.sets[0]
        return f" HEPSUB_HOME_DIR=home.{self.proc} {boot} {SEAL}={digest}"

    @property
    def digest(self) -> str:
        """The digest of the job's own list of files, as it is written where the job reads it."""
        return SEAL_VALUE

    def clauses(self, domain: str) -> Iterator[str]:
        """What the job asks of a slot and of its bundle before it may start; `domain` is that of this host's files."""
        # HTCondor itself asks for it only where no files travel.
        if self.plan.route.delivery.shared:
            yield f'(TARGET.FileSystemDomain == "{domain}")'
        if self.is_gated:
            yield f"(MY.{GATE})"

    def requirements(self, wanted: str) -> str:
        """The line with what the job asks of a slot."""
        return f"requirements = {wanted}"

    def holds(self) -> Iterator[str]:
        """What is done where a store is away and the outputs are above home_limit (worker/README.md)."""
        yield f"on_exit_hold = {_LOST}"
        yield (
            'on_exit_hold_reason = strcat("outputs could neither be uploaded nor brought home: ",'
            " MY.ChirpHepSub_Lost)"
        )
        yield f"on_exit_hold_subcode = {LOST_SUBCODE}"

    def at_end(self, lines: Iterable[str]) -> Iterator[str]:
        """What becomes of a job that has ended: the schedd that has it decides."""
        yield from lines

    def attributes(self) -> Iterator[str]:
        """The digest of its own set of files, where the jobs have several."""
        if self.several:
            yield f'My.{SEAL_ATTRIBUTE} = "$({SUMS_VARIABLE})"'

    def item(self, proc: int) -> dict[str, str]:
        """Which of several sets of files a job gets."""
        seal = self.staging.seal
        if seal is None or not seal.set_of:
            return {}
        number = seal.set_of[proc]
        return {_SET: str(number), SUMS_VARIABLE: seal.sets[number]}


def _letters(staging: StagingPlan) -> list[str]:
    """What a job opens letters with, where it gets any."""
    return [LETTERS_KEY, LETTERS_SIGNER] if staging.mailbox is not None else []


def _shown_word(word: Template) -> str:
    text = "".join(part if isinstance(part, str) else MACROS[part] for part in word.parts)
    parts = "".join(part for part in word.parts if isinstance(part, str))
    return text if _PLAIN.issuperset(parts) else "..."
