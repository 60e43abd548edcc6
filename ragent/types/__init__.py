"""The values that pass between rooms: frozen, plain, and without behaviour of their own.

Offsets count Python characters (Unicode code points) of `Document.text`, start inclusive, end exclusive.
Pages count from 1.
"""

from ragent.types.answers import (
    Answer,
    Citation,
    Dropped,
    PromptUsed,
    Timings,
)
from ragent.types.documents import (
    Block,
    BlockKind,
    Changes,
    Chunk,
    Document,
    Fingerprint,
    Item,
    Metadata,
    Page,
    RawDocument,
    UnpackLimits,
)
from ragent.types.generation import (
    Delta,
    Dry,
    Form,
    Message,
    Mirostat,
    Role,
    Sampling,
    Usage,
    Vocabulary,
)
from ragent.types.reports import (
    DocumentReport,
    DocumentStatus,
    Failure,
    IngestReport,
)
from ragent.types.retrieval import (
    Explanation,
    Hit,
    Query,
    QueryKind,
    SearchMode,
    SearchOptions,
    SearchResult,
)
from ragent.types.tools import (
    Exchange,
    Tool,
    ToolResult,
    Turn,
    Wish,
)

__all__ = [
    "Answer",
    "Block",
    "BlockKind",
    "Changes",
    "Chunk",
    "Citation",
    "Delta",
    "Document",
    "DocumentReport",
    "DocumentStatus",
    "Dropped",
    "Dry",
    "Exchange",
    "Explanation",
    "Failure",
    "Fingerprint",
    "Form",
    "Hit",
    "IngestReport",
    "Item",
    "Message",
    "Metadata",
    "Mirostat",
    "Page",
    "PromptUsed",
    "Query",
    "QueryKind",
    "RawDocument",
    "Role",
    "Sampling",
    "SearchMode",
    "SearchOptions",
    "SearchResult",
    "Timings",
    "Tool",
    "ToolResult",
    "Turn",
    "UnpackLimits",
    "Usage",
    "Vocabulary",
    "Wish",
]
