"""A night that ends itself with ``kill -9`` while it opens somebody's calendar, or in the middle of their numbers.

::

    python -m benchmarks.quarter.killed CONFIG INSTANT reading|computing PERSON
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

from benchmarks.quarter.practice import clock_at
from monitor import cli
from monitor.analysis import catalogue
from monitor.analysis.frames import Frames


def main(config: str, now: str, stage: str, person: str) -> None:
    """Run the night up to the kill."""
    measure = catalogue.compute_metrics

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def opened(event: str, arguments: tuple[object, ...]) -> None:
        # The interpreter tells of every file that is opened, whatever opens it.
        if (
            event == "open"
            and isinstance(arguments[0], (str, os.PathLike))
            and Path(arguments[0]).name == f"{person}.ics"
        ):
            die()

    def measured(frames: Frames) -> object:
        if frames.clinician.key == person:
            die()
        return measure(frames)

    if stage == "reading":
        sys.addaudithook(opened)
    with (
        clock_at(datetime.fromisoformat(now)),
        patch.object(catalogue, "measure", measured if stage == "computing" else measure),
    ):
        cli.main(["--config", config, "nightly"])


if __name__ == "__main__":
    main(*sys.argv[1:])
