"""`[mcp]`: the servers whose tools agents may use, and which of their tools."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_STRICT = ConfigDict(extra="forbid", frozen=True)


class MCPServerSettings(BaseModel):
    """`[mcp.servers.NAME]`: how one server is reached, and what of it may be used."""

    model_config = _STRICT
    command: str = Field("", description="the program to start, spoken to over its stdin and stdout")
    args: tuple[str, ...] = Field((), description="its arguments")
    env: dict[str, str] = Field(
        {}, description="its environment, beside PATH and HOME; *** is filled from RAGENT_SECRET_<NAME>_<KEY>"
    )
    url: str = Field("", description="or where it listens; RAGENT_SECRET_<NAME> is sent as a bearer token")
    allow: tuple[str, ...] = Field(
        (), description="tools that agents may use, as tool@pin: `ragent agent tools --mcp NAME` shows them"
    )
    read_only: tuple[str, ...] = Field(
        (), description="those of them that you know to change nothing: they need nobody's yes"
    )
    start_seconds: float = Field(30.0, gt=0, description="how long it may take to start")
    call_seconds: float = Field(60.0, gt=0, description="how long one call may take")
    result_chars: int = Field(8000, ge=100, description="the longest result that is shown; it says so")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either command or url")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError("url must begin with http:// or https://")
        return self


ServerName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*$", max_length=32)]


class MCPSettings(BaseModel):
    """`[mcp]`: tools of other programs, over the Model Context Protocol."""

    model_config = _STRICT
    servers: dict[ServerName, MCPServerSettings] = Field(
        {}, description="a section [mcp.servers.NAME] each: see docs/mcp.md"
    )
