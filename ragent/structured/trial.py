"""`python -m ragent.structured.trial`: compile the grammar on stdin, in a process that may crash or hang.

Forms that are large or known to take long are tried here first: the engine recurses as deep as a schema's
references go, and compares each pattern for property names with every other.
"""

from __future__ import annotations

import subprocess
import sys

from ragent.errors import SchemaError

SECONDS = 5.0
_REFUSED = 3


def try_apart(grammar: str, seconds: float = SECONDS) -> None:
    """Compile a grammar in a process of its own, and return if that went well or the engine refused it.

    Raises:
        SchemaError: it took too long, or the engine died of it.
    """
    command = [sys.executable, "-m", "ragent.structured.trial"]
    try:
        done = subprocess.run(  # noqa: S603  this very module
            command, input=grammar.encode(), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise SchemaError(
            f"can't be enforced: preparing it takes longer than {seconds:g} s",
            hint="make it smaller: fewer patternProperties, fewer required names, shorter patterns",
        ) from None
    if done.returncode not in (0, _REFUSED):
        raise SchemaError(
            "can't be enforced: it is too large or too deep for the engine, which died of it",
            hint="make it smaller: shorter chains of $ref, fewer required names",
        )


def _main() -> int:
    from llguidance import LLMatcher

    return _REFUSED if LLMatcher.validate_grammar(sys.stdin.buffer.read().decode()) else 0


if __name__ == "__main__":
    sys.exit(_main())
