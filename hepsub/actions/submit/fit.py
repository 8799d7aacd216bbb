"""What is said at once of jobs that no slot can ever hold: they would wait, and nobody would say why."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from hepsub.batch_offers import Offer
from hepsub.documents import Malformed, read_file, read_json
from hepsub.errors import HepsubError
from hepsub.files import make_private, write_whole
from hepsub.plan.model import Plan
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

_PATIENCE_S = 2
"""A submission waits no longer for a collector that has nothing to do with it."""
_KEPT_S = 86400
"""Machines come and go: so long it is believed that there is a slot into which jobs fit, and nobody is asked."""
_BELIEVED_S = 600
"""And so long that there is none, or that nobody answers: for those who submit again at once."""
_MOST = 20
_NAMED = 3
_LARGEST = 2**20
_WORDS = (
    ("{} MB of memory", "-mem", "-m"),
    ("{} core(s)", "-np", "-np"),
    ("{} MB of disk", "-disk", "-disk"),
    ("{} GPU(s)", "-gpu", ""),
)
"""Each amount of an offer: in words, hep_sub's option and that of hep_edit, which changes no GPUs."""


class _Answer(Struct, frozen=True, kw_only=True):
    """What a pool said, or that it said nothing, and when: seconds since the epoch."""

    when: float
    offers: Annotated[tuple[Offer, ...], Meta(max_length=1000)] = ()


class Misfit(Struct, frozen=True, kw_only=True):
    """Jobs that fit into no slot that is there for them.

    Attributes:
        where: the pool and its sites, in words.
        asked: what each of them asks for.
        offers: what the largest slots have.
    """

    where: str
    asked: Offer
    offers: tuple[Offer, ...]

    def text(self, meant: str = "") -> str:
        """What is said of it.

        Args:
            meant: what means the jobs on a command line; empty before they are submitted.
        """
        amounts = self.asked.amounts
        most = [max(each) for each in zip(*(offer.amounts for offer in self.offers), strict=True)]
        lacking = [at for at, wants in enumerate(amounts) if wants > most[at]]
        said = lacking or [at for at, wants in enumerate(amounts) if wants]
        wanted = " and ".join(
            f"{_WORDS[at][0].format(amounts[at])} ({_WORDS[at][1]})" for at in said
        )
        never = f"{meant} can never start" if meant else "the jobs could never start"
        start = f"no slot of {self.where} offers {wanted}"
        if not lacking:
            there = ", ".join(_amounts(offer, said) for offer in self.offers[:_NAMED])
            return f"{start} together: as it is now, {never}; there are {there}"
        has = " and ".join(_WORDS[at][0].format(most[at]) for at in lacking)
        return f"{start}: as it is now, {never}; the most is {has}{_mend(lacking, most, meant)}"


def _mend(lacking: list[int], most: list[int], meant: str) -> str:
    options = [f"{_WORDS[at][2]} {most[at]}" for at in lacking if _WORDS[at][2] and most[at]]
    if not meant:
        return ""
    if len(options) < len(lacking):
        return f"; hep_rm {meant} gives up"
    return f"; hep_edit {' '.join(options)} {meant} asks for that, hep_rm {meant} gives up"


def _amounts(offer: Offer, said: list[int]) -> str:
    return " with ".join(_WORDS[at][0].format(offer.amounts[at]) for at in said)


def find_misfit(session: Session, schedd: BatchSystem, plan: Plan) -> Misfit | None:
    """Jobs that fit into no slot that is there for them; None where they do, or where that is not known."""
    asked = Offer(memory_mb=plan.memory_mb, cpus=plan.cpus, disk_mb=plan.disk_mb, gpus=plan.gpus)
    offers = _offers(session, schedd, plan, asked)
    if not offers or any(each.holds(asked) for each in offers):
        return None
    sites = f" at {', '.join(plan.route.sites)}" if plan.route.sites else ""
    return Misfit(where=f"the pool {schedd.pool}{sites}", asked=asked, offers=offers)


def _offers(session: Session, schedd: BatchSystem, plan: Plan, asked: Offer) -> tuple[Offer, ...]:
    route, now = plan.route, session.situation.now
    usual = session.policy.pool[route.pool].partition_for(plan.walltime.name)
    partition = plan.slurm.get("partition") or usual
    slots = (schedd.pool, str(route.delivery.shared), *route.requirements, partition)
    key = " ".join(each for each in slots if each)
    known = _known(session)
    # Taken out, so that the new one comes last: `_keep` drops the first ones.
    last = known.pop(key, _Answer(when=0))
    age = now - last.when
    if 0 <= age < _KEPT_S and any(each.holds(asked) for each in last.offers):
        return last.offers
    if 0 <= age < _BELIEVED_S:
        return last.offers
    offers: tuple[Offer, ...] = ()
    with contextlib.suppress(HepsubError):
        offers = schedd.offers(plan, _PATIENCE_S)
    _keep(session, {**known, key: _Answer(when=now, offers=offers)})
    return offers


def _known(session: Session) -> dict[str, _Answer]:
    try:
        content = read_file(session.paths.offers, _LARGEST)
        return read_json(content, dict[str, _Answer], most=_LARGEST)
    except (OSError, Malformed):
        return {}


def _keep(session: Session, answers: dict[str, _Answer]) -> None:
    now = session.situation.now
    fresh = [each for each in answers.items() if 0 <= now - each[1].when < _KEPT_S]
    with contextlib.suppress(OSError):  # the next submission asks again
        make_private(session.paths.offers.parent)
        text = msgspec.json.encode(dict(fresh[-_MOST:]))
        write_whole(session.paths.offers, text, 0o600)
