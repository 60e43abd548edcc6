from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects.postgresql.base import ischema_names

import ragent.store
from ragent.store import people_tables
from ragent.store.columns import HalfVector
from ragent.store.database import SCHEMA_HEAD, open_database
from ragent.store.tables import Base
from ragent.store.word_tables import WORD_METADATA


def test_the_known_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(ragent.store.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_HEAD]


def test_the_migrations_make_the_tables_that_the_code_declares(tmp_path: Path, store_url: str) -> None:
    ischema_names.setdefault("halfvec", HalfVector)
    engine = open_database(tmp_path, store_url).engine
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        # One of PostgreSQL's own, which Alembic takes as well as one.
        held: Any = [Base.metadata, WORD_METADATA] if store_url else Base.metadata
        assert compare_metadata(context, held) == []
    assert people_tables.JobRow.metadata is Base.metadata
    engine.dispose()
