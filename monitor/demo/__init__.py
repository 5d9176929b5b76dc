"""The demonstration practice: twelve invented clinicians and five planted drifts, written as ordinary files."""

from __future__ import annotations

from monitor.demo.files import Planted, PlantedStory, write_practice
from monitor.demo.practice import SLOTS

__all__ = ["SLOTS", "Planted", "PlantedStory", "write_practice"]
