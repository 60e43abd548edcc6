"""Writes approved changes into the repository they were made for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ragent.agent.coding.diffing import Change
from ragent.agent.policy import Approve
from ragent.agent.run import Call
from ragent.errors import ConfigError

_AGAIN = "nothing was written; run the agent again on the repository as it is now"


def apply(repository: Path, changes: Sequence[Change], approve: Approve) -> bool:
    """Write changes into a repository, if a person agrees. Whether they did.

    All files are looked at first, after the person agreed: if any isn't as it was when the copy was made,
    none is written. Each is replaced as a whole and keeps its mode.

    Raises:
        ConfigError: a file changed meanwhile, a link leads elsewhere, or a file can't be written.
    """
    if not changes:
        return False
    call = Call("apply", {"repository": str(repository), "files": [change.path for change in changes]})
    if not approve(call, "it writes the difference into your repository"):
        return False
    root = repository.resolve()
    for change in changes:
        _check(root, change)
    staged: list[tuple[Path, Path]] = []
    try:
        for change in changes:
            staged.append((_stage(root / change.path, change), root / change.path))
        for temporary, file in staged:
            temporary.replace(file)
    except OSError as error:
        raise ConfigError(f"can't write into {root}: {error}", hint="see `git diff` for what was") from None
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
    return True


def _check(root: Path, change: Change) -> None:
    file = root / change.path
    if file.parent.resolve() != file.parent:
        raise ConfigError(f"a link leads from {change.path} elsewhere", hint=_AGAIN)
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise ConfigError(f"{change.path} is no file", hint=_AGAIN)
    now = file.read_bytes() if file.exists() else None
    before = None if change.before is None else change.before.encode("utf-8")
    if now != before:
        raise ConfigError(f"{change.path} changed since it was copied", hint=_AGAIN)


def _stage(file: Path, change: Change) -> Path:
    """The new text, beside the file it will replace."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".ragent-", dir=file.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(change.after.encode("utf-8"))
        temporary.chmod(file.stat().st_mode if change.before is not None else 0o644)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
