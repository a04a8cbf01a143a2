"""A kind of database file: its tables, as migrations, and how one of another kind or of a newer Rollbook is known."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlite_utils import Database, Migrations


def _never(tables: Database) -> bool:  # noqa: ARG001 - the question that a kind without drafts is asked, too
    return False


@dataclass(frozen=True, slots=True)
class Schema:
    """What makes a file one of its kind. The migrations are named for the kind."""

    migrations: Migrations
    is_draft: Callable[[Database], bool] = _never
    """Whether the file has a form that was given up before the first release."""

    @property
    def kind(self) -> str:
        """For people: "ledger" or "lab"."""
        return self.migrations.name

    def is_foreign(self, tables: Database) -> bool:
        """Whether the file has tables, but not those of this kind."""
        others = set(tables.table_names()) - {self.migrations.migrations_table}
        return bool(others) and not self.migrations.applied(tables)

    def newer_than_known(self, tables: Database) -> list[str]:
        """Names of migrations that were applied by a newer Rollbook."""
        empty = Database(memory=True)
        known = {migration.name for migration in self.migrations.pending(empty)}
        empty.close()
        return [applied.name for applied in self.migrations.applied(tables) if applied.name not in known]
