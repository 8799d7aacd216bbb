"""What the embedded pool refuses: a job runs on this machine, with what is installed here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from hepsub.errors import NotOnThisMachine
from hepsub.plan.model import Plan

_STARTERS = (
    "apptainer",
    "/usr/bin/apptainer",
    "/usr/local/bin/apptainer",
    "singularity",
    "/usr/bin/singularity",
    "/usr/local/bin/singularity",
    "/cvmfs/oasis.opensciencegrid.org/mis/apptainer/current/bin/apptainer",
)
"""What starts images, in the order in which the wrapper looks for it (worker/src/55_image.sh)."""
_OWN_STARTER = "HEPSUB_APPTAINER"


def check_possible(plan: Plan) -> None:
    """Refuse what would run otherwise than the user means.

    Raises:
        NotOnThisMachine: the plan needs GPUs, another site, or an image that cannot be started here.
    """
    missing = [
        (bool(plan.gpus), f"-gpu {plan.gpus}: it gives no GPUs to jobs", "leave out -gpu"),
        (bool(plan.route.sites), "-rmt: it has no remote sites", "leave out -rmt and -site"),
    ]
    for wanted, what, mend in missing:
        if wanted:
            raise NotOnThisMachine(
                f"the embedded pool runs jobs on this machine as it is; {what}",
                remedy=f"{mend}, or submit to another pool with -p",
            )
    if plan.image:
        _check_image(plan)


def _check_image(plan: Plan) -> None:
    asked = f"-os {plan.os}" if plan.os else "-image"
    if not find_starter(plan.environment):
        raise NotOnThisMachine(
            f"the embedded pool starts the image {plan.image} by apptainer or singularity, and neither is on this"
            " machine",
            remedy=f"install apptainer, leave out {asked}, or submit to another pool with -p",
        )
    if plan.image.startswith("/") and not os.access(plan.image, os.R_OK):
        raise NotOnThisMachine(
            f"the image {plan.image} does not exist on this machine, or cannot be read",
            remedy=f"name one that is here with -image, leave out {asked}, or submit to another pool with -p",
        )


def find_starter(environment: Mapping[str, str]) -> str:
    """What will start the images of jobs with these variables; empty where nothing does."""
    own = environment.get(_OWN_STARTER, "")
    if own:
        return "" if own == "-" else own
    places = environment.get("PATH", "")
    return next((found for each in _STARTERS if (found := shutil.which(each, path=places))), "")
