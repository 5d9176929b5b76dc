"""The application's errors, each with its exit code. Messages say what was found, where, and what to do."""

from __future__ import annotations

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_PARTLY = 3
EXIT_AUTHORISE = 4
EXIT_RUNNING = 5


class EvenhoursError(Exception):
    """Base class of the application's errors. ``str()`` is the whole message for the user."""

    exit_code = EXIT_ERROR


class ConfigError(EvenhoursError):
    """The configuration cannot be used. ``problems`` lists all problems, each with its path in the file."""

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
    """The command makes no sense as given: an unknown clinician or source, a span that ends before it begins."""

    exit_code = EXIT_USAGE


class StoreError(EvenhoursError):
    """The database cannot be opened or written: not a database, read-only, made by a newer version, disk full."""


class AccessLogError(StoreError):
    """The access log could not be written, so the data of others are not shown."""


class DiskFullError(StoreError):
    """The disk is full."""


class SecretError(EvenhoursError):
    """A secret is missing where the configuration refers to it, or others can read it. Never contains the secret."""


class KeyFileError(EvenhoursError):
    """The practice's key file is missing, damaged, readable by others, or belongs to another user."""


class AlreadyRunningError(EvenhoursError):
    """Another run holds the practice's lock."""

    exit_code = EXIT_RUNNING
