"""A nightly run that kills itself (``kill -9``) while it opens a person's calendar, or computes their numbers.

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
    compute_metrics = catalogue.compute_metrics

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def kill_on_open(event: str, arguments: tuple[object, ...]) -> None:
        # An audit hook is called for every file that is opened, by whatever code.
        if (
            event == "open"
            and isinstance(arguments[0], (str, os.PathLike))
            and Path(arguments[0]).name == f"{person}.ics"
        ):
            die()

    def kill_on_compute(frames: Frames) -> object:
        if frames.clinician.key == person:
            die()
        return compute_metrics(frames)

    if stage == "reading":
        sys.addaudithook(kill_on_open)
    with (
        clock_at(datetime.fromisoformat(now)),
        patch.object(catalogue, "compute_metrics", kill_on_compute if stage == "computing" else compute_metrics),
    ):
        cli.main(["--config", config, "nightly"])


if __name__ == "__main__":
    main(*sys.argv[1:])
