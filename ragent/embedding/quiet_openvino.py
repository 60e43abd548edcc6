"""OpenVINO, imported without its telemetry.

`import openvino` forks a process that reports the import to a web analytics service, unless the package
`openvino_telemetry` is missing; then it falls back to a stub of its own, which sends nothing. So that package
is hidden while OpenVINO is imported. Import `ov` and `ops` from here, never from OpenVINO itself.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_TELEMETRY = "openvino_telemetry"


def _import() -> tuple[Any, Any]:
    hide = _TELEMETRY not in sys.modules
    if hide:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # the documented way to block an import
    try:
        return import_module("openvino"), import_module("openvino.opset13")
    finally:
        if hide:
            del sys.modules[_TELEMETRY]


ov, ops = _import()
