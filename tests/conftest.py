from __future__ import annotations

import os
import tempfile

from hypothesis import settings

# The same examples in every run; HYPOTHESIS_PROFILE=random looks for others.
settings.register_profile("fixed", derandomize=True)
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# What is kept for all homes of a user (converted weights) is made once a run, away from the user's own.
_CACHE = tempfile.TemporaryDirectory(prefix="ragent-tests-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name
