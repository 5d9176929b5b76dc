"""As :mod:`tests.monitor.memory`, but each owner of a source has an account of their own."""

from __future__ import annotations

from dataclasses import replace

from tests.monitor import memory

SOURCE_KIND = replace(memory.SOURCE_KIND, name="accounts", per_owner=True)
