"""One PostgreSQL database for many tests, one after the other: to empty it is much faster than to make it."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from scripts.private_postgres import PrivatePostgres

_OURS = "relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
_END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
_EMPTY = f"""
DO $$ DECLARE one regclass; filled boolean; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT oid FROM pg_class WHERE starts_with(relname, 'ix_vectors_hnsw_') LOOP
        EXECUTE format('DROP INDEX %s', one);
    END LOOP;
    FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND {_OURS} LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO filled;
        IF filled THEN EXECUTE format('DELETE FROM %s', one); END IF;
    END LOOP;
    PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND {_OURS};
    DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE {_OURS});
END $$
"""
_SHAPE = f"""
SELECT md5(string_agg(concat_ws(' ', relname, relkind, attname, atttypid, attnotnull, indisvalid), ','
    ORDER BY relname, attnum))
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE {_OURS} AND coalesce(attnum, 1) > 0
"""


@dataclass
class KeptDatabase:
    """A copy of another database, which is made anew when a test changed its tables themselves."""

    server: PrivatePostgres
    template: str
    url: str = ""
    _shape: str = ""

    def ready(self) -> str:
        """The URL, of a database with nothing in it."""
        if not self.url:
            self.url = self.server.make_database(self.template)
            with self._connected() as connection:
                self._shape = _shape(connection)
        return self.url

    def clean(self) -> None:
        """Take out what a test has left, its connections included."""
        try:
            with self._connected() as connection:
                connection.execute(_END_OTHERS)
                connection.execute(_EMPTY)
                same = _shape(connection) == self._shape
        except psycopg.Error:
            same = False
        if not same:
            self.drop()

    def drop(self) -> None:
        """Have the next one made anew."""
        if self.url:
            self.server.drop_database(self.url)
            self.url = ""

    def _connected(self) -> psycopg.Connection[tuple[str]]:
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)


def _shape(connection: psycopg.Connection[tuple[str]]) -> str:
    row = connection.execute(_SHAPE).fetchone()
    return row[0] if row else ""
