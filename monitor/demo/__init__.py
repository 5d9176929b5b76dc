"""The demonstration practice: twelve invented clinicians, a year and a half, five planted stories, as ordinary files."""

from __future__ import annotations

from monitor.demo.files import Planted, PlantedStory, write_practice

__all__ = ["Planted", "PlantedStory", "write_practice"]
