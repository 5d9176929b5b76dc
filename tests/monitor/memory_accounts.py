"""The source kind of :mod:`tests.monitor.memory` with an account for each owner."""

from __future__ import annotations

from dataclasses import replace

from tests.monitor import memory

SOURCE_KIND = replace(memory.SOURCE_KIND, name="accounts", per_owner=True)
