"""An agent that mends code: in a copy of a repository, until a person agrees to the difference."""

from ragent.agent.coding.agent import CodeAgent, CodeResult
from ragent.agent.coding.applying import apply
from ragent.agent.coding.copying import CopyLimits
from ragent.agent.coding.diffing import Change, unified
from ragent.agent.coding.testing import TestReport

__all__ = ["Change", "CodeAgent", "CodeResult", "CopyLimits", "TestReport", "apply", "unified"]
