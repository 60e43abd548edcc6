"""`[server]`: who may use a home over the network, and how much of it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ServerSettings(BaseModel):
    """`[server]`: the server and the chat page."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    host: str = Field("127.0.0.1", description="where to listen; another than this machine needs sign_in")
    port: int = Field(8000, ge=0, le=65535, description="of ragent serve; 0: any that is free")
    ui_port: int = Field(8501, ge=0, le=65535, description="of ragent ui")
    sign_in: Literal["off", "password", "header"] = Field(
        "off", description="password: ragent people add; header: a proxy in front says who asks"
    )
    user_header: str = Field("X-Forwarded-User", description="the header in which the proxy says it")
    proxies: tuple[str, ...] = Field(("127.0.0.1", "::1"), description="addresses of proxies to believe")
    new_people: Literal["reader", "editor", "refuse"] = Field(
        "reader", description="the role of somebody whom the proxy vouches for and nobody added"
    )
    requests_a_minute: int = Field(600, ge=1, description="of one key or person; more are told to wait")
    answers_at_once: int = Field(4, ge=1, description="that are written at the same time, over all people")
    waiting_answers: int = Field(256, ge=1, description="that may wait for their turn")
    open_collections: int = Field(
        64, ge=1, description="whose indexes are kept open; those of others are opened when somebody asks"
    )
    body_mb: float = Field(8.0, gt=0, description="the largest request, uploads excepted")
    upload_mb: float = Field(100.0, gt=0, description="the largest file that is uploaded")
    names: tuple[str, ...] = Field((), description="other host names by which callers may reach it")
    grace_seconds: int = Field(30, ge=0, description="for answers that are being written when it is to end")
    session_hours: float = Field(24.0, gt=0, description="how long signing in to the chat page holds")
    tools_for_all: tuple[str, ...] = Field(
        (),
        description="tools that not only admins may use: python, read_file, sql, mcp:NAME, other packages'",
    )
    approval_minutes: float = Field(
        5.0, gt=0, description="how long a call that needs a yes waits once its browser is gone"
    )
