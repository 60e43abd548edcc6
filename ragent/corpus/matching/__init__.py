"""Which rows of two tables speak of the same thing, without a single label."""

from ragent.corpus.matching.scoring import Field, Link, Pair, score_pairs
from ragent.corpus.matching.tables import Record, Table, read_table

__all__ = ["Field", "Link", "Pair", "Record", "Table", "read_table", "score_pairs"]
