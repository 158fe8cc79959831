"""The log of the policy `slow`, and how far it may go: a run stays in the middle for as long as a test wants."""

from pathlib import Path

VARIABLE = "ATTEMPTS_LOG"


class Attempts:
    """A file with a line per attempt, and beside it one that says how many there may be; without that, any number."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._allowed = log.with_name("ATTEMPTS_ALLOWED")

    @property
    def environment(self) -> dict[str, str]:
        """The variable with which a command has its attempts counted here."""
        return {VARIABLE: str(self.log)}

    def made(self) -> int:
        """Return how many there were."""
        return len(self._lines())

    def add(self, instance: str, sample: int) -> None:
        """Count one more."""
        with self.log.open("a") as lines:
            lines.write(f"{instance} {sample}\n")

    def instances(self, since: int) -> set[str]:
        """Return whose attempts there were, without the first so many."""
        return {line.split()[0] for line in self._lines()[since:]}

    def allow(self, n: int) -> None:
        """Let there be so many in all."""
        # By renaming: a worker reads it at any moment.
        new = self._allowed.with_suffix(".new")
        new.write_text(str(n))
        new.replace(self._allowed)

    def allow_all(self) -> None:
        """Let there be any number."""
        self._allowed.unlink()

    def may_go_on(self) -> bool:
        """Return whether there may be one more."""
        try:
            allowed = int(self._allowed.read_text())
        except FileNotFoundError:
            return True
        return self.made() < allowed

    def _lines(self) -> list[str]:
        try:
            return self.log.read_text().splitlines()
        except FileNotFoundError:
            return []
