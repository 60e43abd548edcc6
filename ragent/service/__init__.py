"""One home for several people and programs: who may do what, conversations, jobs. Under server and chat page.

Every permission is checked here; the faces only say who asks.
"""

from ragent.service.access import Caller, Role
from ragent.service.service import Service
from ragent.service.session import Session

__all__ = ["Caller", "Role", "Service", "Session"]
