"""What runs came to, to read: one page that loads nothing, Markdown and JSON; and JUnit's XML for CI."""

from ragent_evals.reporting.facts import Report, Wanted, as_json, gather
from ragent_evals.reporting.junit import junit
from ragent_evals.reporting.pages import Written, write

__all__ = ["Report", "Wanted", "Written", "as_json", "gather", "junit", "write"]
