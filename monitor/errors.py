"""What can go wrong in the house, each with its exit code and one sentence with the way out."""

from __future__ import annotations

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_PARTLY = 3
EXIT_AUTHORISE = 4
EXIT_RUNNING = 5


class EvenhoursError(Exception):
    """Base of our errors. ``str()`` is the whole message: what was found, where, and what to do."""

    exit_code = EXIT_ERROR


class ConfigError(EvenhoursError):
    """The configuration cannot be used. ``problems`` lists every fault with its path in the file, all at once."""

    exit_code = EXIT_USAGE

    def __init__(self, path: str, problems: list[str]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = problems

    def __str__(self) -> str:
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        return "\n".join([f"{self.path}: {count}.", *(f"  {problem}" for problem in self.problems)])


class MissingConfigError(ConfigError):
    """There is no configuration yet; ``evenhours init`` writes one."""

    def __init__(self, path: str) -> None:
        super().__init__(path, [f"No configuration at {path}. Run: evenhours init"])

    def __str__(self) -> str:
        return self.problems[0]


class UsageError(EvenhoursError):
    """The command cannot mean anything: an unknown clinician, source or week, dates that end before they begin."""

    exit_code = EXIT_USAGE


class StoreError(EvenhoursError):
    """The database cannot be opened or written: not a database, read-only, made by a newer version, disk full."""


class AccessLogError(StoreError):
    """A look at others' data could not be written down, and so it shows nothing."""


class DiskFullError(StoreError):
    """There is no room left where something has to be written."""


class SecretError(EvenhoursError):
    """The place a secret is said to be in holds none, or others can read it. Never carries the secret."""


class KeyFileError(EvenhoursError):
    """The practice's key file is missing, readable by others, or not ours."""


class AlreadyRunningError(EvenhoursError):
    """Another run holds the lock."""

    exit_code = EXIT_RUNNING
