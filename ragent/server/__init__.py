"""The server: what programs ask over HTTP, OpenAI's protocol included. Needs the extra `server`."""

from ragent.server.app import make_app
from ragent.server.serving import Listening, listen, serve

__all__ = ["Listening", "listen", "make_app", "serve"]
