"""The demonstration practice: twelve invented clinicians and five planted stories, written out as ordinary files."""

from __future__ import annotations

from monitor.demo.files import Planted, PlantedStory, write_practice

__all__ = ["Planted", "PlantedStory", "write_practice"]
