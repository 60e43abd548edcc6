"""Spreads reading and embedding over Ray workers; writing stays here, so that there is one commit protocol.

Each worker loads the model once, and reads with a reader process of its own: the limits of a file hold there
as they do at home. Ray is told to report nothing to anybody, and a cluster started here listens to this
machine only.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from ragent.config import IngestSettings
from ragent.errors import ConfigError, MissingExtraError, RagentError
from ragent.ingest.processes import Pool
from ragent.ingest.reader import Limits
from ragent.ingest.work import Piece, Task, Work
from ragent.protocols import Embedder, Tokenizer, Vectors
from ragent.types import Fingerprint

Step = TypeVar("Step")

_JOBS_A_GROUP = 32
_BYTES_A_GROUP = 4 << 20
_GROUPS_A_WORKER = 2
_PATIENCE_SECONDS = 120.0
_MOST_DEATHS = 3


class Worker:
    """What runs in a Ray worker. Everything comes pickled, because only the path makes it loadable there."""

    def __init__(self, path: list[str], limits: Limits, load_embedder: bytes) -> None:
        sys.path += [folder for folder in path if folder not in sys.path]
        self._limits = limits
        self._load = load_embedder
        self._embedder: Embedder | None = None
        self._pool: Pool | None = None

    def fingerprint(self) -> Fingerprint:
        """What the worker's own model is."""
        return self._model().fingerprint

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of documents."""
        return self._model().embed_documents(texts)

    def read(self, work: bytes, tasks: bytes) -> bytes:
        """The pieces of tasks, as (index of the task, piece)."""
        if self._pool is None:
            self._pool = Pool(1, self._limits, work)
        steps = iter(list(enumerate(pickle.loads(tasks))))  # noqa: S301  (from our own driver)
        return pickle.dumps(list(self._pool.run(steps)))

    def _model(self) -> Embedder:
        if self._embedder is None:
            self._embedder = pickle.loads(self._load)()  # noqa: S301  (from our own driver)
        return self._embedder


class Cluster:
    """A `Reading`, and an embedder, over Ray workers."""

    def __init__(
        self, settings: IngestSettings, local: Embedder, load_embedder: Callable[[], Embedder]
    ) -> None:
        """Connect to the cluster that the settings name, or start one.

        Args:
            settings: Address, number of workers, limits.
            local: What counts tokens here, and says which model the workers must have.
            load_embedder: Loads it there; can be pickled.

        Raises:
            MissingExtraError: Ray isn't installed.
            RagentError: there is no cluster at that address, or its workers have another model.
        """
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        if not settings.ray_address:
            # Ray's own switch for "this machine only", read at its import; without it, it listens to every
            # interface.
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("Ray is not installed", hint="pip install 'ragent[ray]'") from error
        self._ray: Any = ray
        self._owns = not ray.is_initialized()
        if self._owns:
            _connect(ray, settings)
        count = settings.readers or int(ray.cluster_resources().get("CPU", 1))
        limits = Limits(settings.file_seconds, settings.file_memory_mb)
        # A worker that dies is started again, and does again what it had in hand: all of it can be repeated.
        remote = ray.remote(num_cpus=1, max_restarts=_MOST_DEATHS, max_task_retries=_MOST_DEATHS)(Worker)
        load = pickle.dumps(load_embedder)
        self._workers = [remote.remote(sys.path, limits, load) for _ in range(count)]
        self.embedder = Spread(local, self._workers, ray)
        try:
            self.embedder.check()
        except RagentError:
            self.close()
            raise

    def read(
        self, work: Work, steps: Iterator[tuple[Step, Task | None]]
    ) -> Iterator[tuple[Step, Piece | None]]:
        """See `Reading`: pieces in order of the steps, some groups of tasks ahead."""
        load = work.portable()
        if load is None:
            raise ConfigError(
                "these parsers can't be sent to other machines", hint="leave --engine ray out for them"
            )
        kept = self._ray.put(load)
        on_their_way: deque[tuple[list[tuple[Step, Task | None]], Any]] = deque()
        for turn, group in enumerate(_groups(steps)):
            tasks = [task for _, task in group if task]
            worker = self._workers[turn % len(self._workers)]
            future = worker.read.remote(kept, pickle.dumps(tasks)) if tasks else None
            on_their_way.append((group, future))
            if len(on_their_way) > _GROUPS_A_WORKER * len(self._workers):
                yield from self._arrived(*on_their_way.popleft())
        while on_their_way:
            yield from self._arrived(*on_their_way.popleft())

    def close(self) -> None:
        """End the workers, and the cluster if it was started here."""
        for worker in self._workers:
            self._ray.kill(worker)
        if self._owns:
            self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _arrived(
        self, group: list[tuple[Step, Task | None]], future: Any
    ) -> Iterator[tuple[Step, Piece | None]]:
        pieces: dict[int, list[Piece]] = {}
        if future is not None:
            for index, piece in pickle.loads(_get(self._ray, future)):  # noqa: S301  (from our own worker)
                pieces.setdefault(index, []).append(piece)
        index = 0
        for step, task in group:
            if task is None:
                yield step, None
                continue
            for piece in pieces[index]:
                yield step, piece
            index += 1


class Spread:
    """An embedder whose texts are embedded by workers; tokens are counted here."""

    def __init__(self, local: Embedder, workers: Sequence[Any], ray: Any) -> None:
        self._local = local
        self.workers = workers
        self._ray = ray

    @property
    def fingerprint(self) -> Fingerprint:
        return self._local.fingerprint

    @property
    def max_tokens(self) -> int:
        """See `Embedder`."""
        return self._local.max_tokens

    @property
    def tokenizer(self) -> Tokenizer:
        return self._local.tokenizer

    def check(self) -> None:
        """Raises RagentError unless every worker has the very model that is used here."""
        asked = [worker.fingerprint.remote() for worker in self.workers]
        for theirs in _get(self._ray, asked, timeout=_PATIENCE_SECONDS):
            if theirs != self.fingerprint:
                raise RagentError(
                    f"a Ray worker has another model ({theirs.model}, {theirs.revision[:12]})",
                    hint="install the same model on every machine of the cluster",
                )

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        count = len(self.workers)
        # They come sorted by length: dealt out like this, all workers have as much to do.
        shares = [list(texts[first::count]) for first in range(min(count, len(texts)))]
        futures = [worker.embed.remote(some) for worker, some in zip(self.workers, shares, strict=False)]
        vectors = np.empty((len(texts), self.fingerprint.dimension), np.float32)
        for first, found in enumerate(_get(self._ray, futures)):
            vectors[first::count] = found
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        return self._local.embed_queries(texts)


def _connect(ray: Any, settings: IngestSettings) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if settings.ray_address:
            ray.init(address=settings.ray_address, **quiet)
        else:
            ray.init(num_cpus=settings.readers or None, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise RagentError(f"no Ray cluster: {error}", hint="check --address, or leave it out") from error


def _get(ray: Any, futures: Any, timeout: float | None = None) -> Any:
    try:
        return ray.get(futures, timeout=timeout)
    except ray.exceptions.GetTimeoutError as error:
        raise RagentError(
            "the Ray cluster gave no workers in time: its processors are taken",
            hint="set readers in [ingest] to fewer, or wait until it has room",
        ) from error
    except ray.exceptions.RayError as error:
        raise RagentError(
            f"a Ray worker failed: {error}", hint="what was committed is kept: run the same command to go on"
        ) from error


def _groups(
    steps: Iterator[tuple[Step, Task | None]],
) -> Iterator[list[tuple[Step, Task | None]]]:
    group: list[tuple[Step, Task | None]] = []
    size = 0
    for step, task in steps:
        group.append((step, task))
        size += len(task.raw.data) if task else 0
        if len(group) >= _JOBS_A_GROUP or size >= _BYTES_A_GROUP:
            yield group
            group, size = [], 0
    if group:
        yield group
