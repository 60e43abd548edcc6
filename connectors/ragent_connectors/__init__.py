"""Where documents come from (sources), and how bytes become text (parsers)."""
