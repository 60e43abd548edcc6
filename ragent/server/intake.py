"""Bringing documents in: jobs that go on by themselves, and how far they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from ragent.server.asking import Asks
from ragent.server.errors import Refused
from ragent.server.limits import UPLOADS
from ragent.server.searching import named
from ragent.server.shapes import READ, STRICT, CollectionName, Id
from ragent.service import Session
from ragent.types import Failure

router = APIRouter(tags=["ingest"])
_PIECE = 1 << 20
_MOST_FILES = 1000

Address = Annotated[str, Field(min_length=1, max_length=4000)]


class Places(BaseModel):
    """What to read: pages of the web, or files and folders of the server's machine, if one is its admin."""

    model_config = STRICT
    urls: Annotated[list[Address], Field(max_length=200)] = []
    paths: Annotated[list[Address], Field(max_length=200)] = []
    force: bool = Field(False, description="read again what is unchanged")
    collection: CollectionName = None

    def names(self) -> list[str]:
        """As the service takes them. Raises Refused.

        Options of a source, such as one that lets it reach private addresses, are for the command line.
        """
        for url in self.urls:
            if not url.lower().startswith(("http://", "https://")) or "=" in url.partition("#")[2]:
                raise Refused("urls are plain ones of http or https", param="urls")
        for path in self.paths:
            if "://" in path or not Path(path).is_absolute():
                raise Refused("paths are absolute ones of this machine", param="paths")
        if not self.urls and not self.paths:
            raise Refused("name urls, or paths", param="urls")
        return [*self.urls, *self.paths]


class Sync(BaseModel):
    """How to bring known sources up to date."""

    model_config = STRICT
    collection: CollectionName = None
    delete: bool = Field(False, description="remove documents whose file or page is gone")
    dry_run: bool = Field(False, description="only say what would be done")


class JobBody(BaseModel):
    """Something that goes on by itself.

    `state` is waiting, running, done, failed or cancelled; `progress` has done, total, chunks and uri;
    `report` is what was done once it is, or {"error": ...}.
    """

    model_config = READ
    id: str
    collection: str
    kind: str
    state: str
    progress: dict[str, Any]
    report: dict[str, Any]
    created_at: datetime
    finished_at: datetime | None


class JobList(BaseModel):
    """The newest jobs of the collections that one may know of."""

    jobs: list[JobBody]


class Unread(BaseModel):
    """What could not be unpacked, and why."""

    model_config = READ
    uri: str
    error: str


class Uploaded(BaseModel):
    """The job that reads what was uploaded; `failed`: what didn't come out of archives."""

    job: JobBody
    failed: list[Unread]


_FILES = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            }
        },
    }
}


@router.post("/ingest", status_code=202)
def ingest(places: Places, session: Asks) -> JobBody:
    """Read pages of the web, or files of the server's machine. Addresses that aren't public are refused."""
    names = places.names()
    return JobBody.model_validate(
        session.ingest(named(session, places.collection), names, force=places.force)
    )


@router.post(UPLOADS, status_code=202, openapi_extra=_FILES)
async def upload(
    request: Request, session: Asks, collection: Annotated[CollectionName, Query()] = None
) -> Uploaded:
    """Keep files in the home and read them; the files of ZIP archives, too. Same name, newer file."""
    wanted = named(session, collection)
    # Asked before the body is read: who may not put anything in needn't send it.
    await run_in_threadpool(session.require, wanted, "editor")
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused("send files as multipart/form-data", param="files")
    async with request.form(max_files=_MOST_FILES, max_fields=0) as form:
        files = [one for one in form.getlist("files") if isinstance(one, UploadFile)]
        if not files or len(files) != len(form.multi_items()):
            raise Refused("send one or more files, each as `files`", param="files")
        return await run_in_threadpool(_keep, session, wanted, files)


@router.post("/sync", status_code=202)
def sync(wish: Sync, session: Asks) -> JobBody:
    """Bring everything that was ever read up to date."""
    collection = named(session, wish.collection)
    return JobBody.model_validate(session.sync(collection, delete=wish.delete, dry_run=wish.dry_run))


@router.get("/jobs")
def jobs(session: Asks) -> JobList:
    """The newest jobs."""
    return JobList(jobs=[JobBody.model_validate(job) for job in session.jobs()])


@router.get("/jobs/{job_id}")
def job(job_id: Id, session: Asks) -> JobBody:
    """How far a job is."""
    return JobBody.model_validate(session.job(job_id))


@router.delete("/jobs/{job_id}", status_code=202)
def cancel(job_id: Id, session: Asks) -> JobBody:
    """Have a job end after the batch it is at; what was read stays."""
    session.cancel(job_id)
    return JobBody.model_validate(session.job(job_id))


def _keep(session: Session, collection: str, files: list[UploadFile]) -> Uploaded:
    kept: list[Path] = []
    failed: list[Failure] = []
    for file in files:
        path, left_out = session.upload(collection, file.filename or "", _pieces(file.file))
        kept.append(path)
        failed += left_out
    job = session.ingest(collection, [str(path) for path in kept])
    return Uploaded(job=JobBody.model_validate(job), failed=[Unread.model_validate(one) for one in failed])


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
