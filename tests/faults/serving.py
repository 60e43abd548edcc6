"""Database servers that come to harm."""

from __future__ import annotations

from scripts.private_postgres import PrivatePostgres

# A killed server leaves all that it wrote to the system: forcing it to the disk would only cost time.
KEEPING = ("synchronous_commit=on", "full_page_writes=on")


def make_database(server: PrivatePostgres, like: str = "") -> str:
    """A database, a copy of another or empty, in which sequences survive a crash.

    A copied sequence goes on from numbers that only the log of its original knows as taken, until there was
    a checkpoint: PostgreSQL would give them out again.
    """
    import psycopg

    url = server.make_database(like.rpartition("/")[2] or "template0")
    with psycopg.connect(server.url().replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return url
