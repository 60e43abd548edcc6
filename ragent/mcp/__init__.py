"""ragent for other programs, over the Model Context Protocol: search, ask, open and ingest as tools."""

from ragent.mcp.server import make_server
from ragent.mcp.serving import Address, serve_http, serve_stdio

__all__ = ["Address", "make_server", "serve_http", "serve_stdio"]
