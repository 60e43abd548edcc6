"""The server: what programs ask over HTTP, OpenAI's protocol included. Needs the extra `server`."""

from ragent.server.app import make_app
from ragent.server.serving import Listening, leave, listen, serve

__all__ = ["Listening", "leave", "listen", "make_app", "serve"]
