"""Where the `ragent` command begins: Ctrl-C ends it at once and in one line, from the first import on."""

from __future__ import annotations

import os
import signal
from types import FrameType

_INTERRUPTED = 130
_SHOW_CURSOR = b"\x1b[?25h"


def main() -> None:
    """Run the command line and exit: 0 ok, 1 failed, 2 usage, 3 partly failed, 130 interrupted."""
    # A program that was started to ignore Ctrl-C (`nohup`, a shell's `&`) goes on doing so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from ragent.cli.app import main as run

    run()


def _leave(_number: int, _frame: FrameType | None) -> None:
    # Not by an exception: raised within an import or a callback of native code, it is lost or leaves a
    # traceback. Nothing needs to be put in order: what is on disk is whole whenever a process dies. Commands
    # that have more to say set a handler of their own.
    os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + b"interrupted\n")
    os._exit(_INTERRUPTED)
