"""Offline means offline: engines that report home when they are imported are kept from it here."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any

_TELEMETRY = "openvino_telemetry"


@cache
def import_openvino() -> tuple[Any, Any]:
    """OpenVINO and its operators, imported without its telemetry. Never import it in another way.

    `import openvino` forks a process that reports the import to a web analytics service, unless the package
    `openvino_telemetry` is missing; then it falls back to a stub of its own, which sends nothing. So that
    package is hidden meanwhile.
    """
    hide = _TELEMETRY not in sys.modules
    if hide:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # the documented way to block an import
    try:
        return import_module("openvino"), import_module("openvino.opset13")
    finally:
        if hide:
            del sys.modules[_TELEMETRY]
