"""How the server holds under load: many people who ask at once, and many searches, against one alone.

    python evals/benchmarks/serving.py [--users 50] [--searches 200] [--rounds 3] [--k 3]
        [--style quote]

Starts `ragent serve` over the harbour documents with the embedded model, and a person with a key for each
user. Prints the seconds until whole answers (median, 95th percentile, longest), how much longer the
unluckiest user waited than the median one, errors, answers a second, and the server's memory before and after
each round.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]

from ragent.rag import Rag
from ragent.service.people import People

SET = Path(__file__).parents[1] / "sets" / "harbour"
CONFIG = """
[server]
sign_in = "password"
requests_a_minute = 100000

[llm]
max_tokens = 8

[ask]
k = {k}
style = "{style}"
"""
PATIENCE = 3600.0

Send = Callable[[httpx.AsyncClient, str], Awaitable[httpx.Response]]


@dataclass(slots=True)
class Load:
    """What came of one kind of request: seconds by user, and what failed."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    took: float = 0.0

    def told(self, name: str) -> str:
        """One line."""
        every = sorted(itertools.chain.from_iterable(self.seconds.values()))
        if not every:
            return f"{name:32} nothing was answered, {len(self.errors)} errors: {self.errors[:3]}"
        by_user = [statistics.mean(some) for some in self.seconds.values()]
        late = every[min(len(every) - 1, int(len(every) * 0.95))]
        return (
            f"{name:32} {len(every):4} answers, p50 {statistics.median(every):7.2f} s, p95 {late:7.2f} s, "
            f"max {every[-1]:7.2f} s, unluckiest/median {max(by_user) / statistics.median(by_user):4.2f}, "
            f"{len(every) / self.took:6.2f} a second, {len(self.errors)} errors {self.errors[:2] or ''}"
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--k", type=int, default=3, help="passages that an answer is read from")
    parser.add_argument("--style", default="quote", help="how answers are made, as [ask] style")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragent-serving-") as folder:
        home = Path(folder) / "home"
        config = CONFIG.format(k=arguments.k, style=arguments.style)
        keys = prepare(home, arguments.users, config)
        with serving(home) as (url, process):
            asyncio.run(measure(url, keys, arguments, process))


def prepare(home: Path, users: int, config: str) -> list[str]:
    """Ingest the documents, and give each user a key."""
    home.mkdir(parents=True)
    (home / "ragent.toml").write_text(config)
    with Rag.open(home) as rag:
        rag.ingest(SET / "documents")
        people = People(rag.store)
        for number in range(users):
            people.add(f"user{number}", "reader")
        return [people.make_key("load", f"user{number}", "reader") for number in range(users)]


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The server's address and process."""
    command = [sys.executable, "-m", "ragent.cli", "--home", str(home), "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=home, env=dict(os.environ))
    assert process.stderr is not None
    try:
        found = next(
            match[1] for line in process.stderr if (match := re.search(r"listening on (http://\S+)", line))
        )
        yield found, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)
        process.stderr.close()


async def measure(
    url: str, keys: Sequence[str], arguments: argparse.Namespace, process: psutil.Process
) -> None:
    """One user alone, then all of them, round after round."""
    questions = [json.loads(line)["question"] for line in (SET / "questions.jsonl").open()]
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, trust_env=False) as client:
        while (await client.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.2)
        asks = itertools.cycle(questions)
        await one_after_another(client, keys[0], [chat(next(asks)) for _ in range(2)])  # warms up
        alone = await one_after_another(client, keys[0], [chat(next(asks)) for _ in range(5)])
        print(alone.told("chat, one user alone"), flush=True)
        alone = await one_after_another(client, keys[0], [search(next(asks)) for _ in range(20)])
        print(alone.told("search, one user alone"), flush=True)
        print(f"memory before: {process.memory_info().rss / 2**20:.0f} MB", flush=True)
        for number in range(1, arguments.rounds + 1):
            load = await together(client, keys, [chat(next(asks)) for _ in keys])
            print(load.told(f"chat, {len(keys)} users, round {number}"), flush=True)
            load = await together(client, keys, [search(next(asks)) for _ in range(arguments.searches)])
            print(load.told(f"search, {arguments.searches} at once, round {number}"), flush=True)
            print(f"memory after round {number}: {process.memory_info().rss / 2**20:.0f} MB", flush=True)
    cpu = process.cpu_times()
    print(f"the server's CPU seconds in all: {cpu.user + cpu.system:.0f}")


def chat(question: str) -> Send:
    """Asks as OpenAI's clients do."""
    body = {"model": "ragent", "messages": [{"role": "user", "content": question}]}

    async def send(client: httpx.AsyncClient, key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return await client.post("/v1/chat/completions", json=body, headers=headers)

    return send


def search(query: str) -> Send:
    """Searches."""

    async def send(client: httpx.AsyncClient, key: str) -> httpx.Response:
        return await client.post("/search", json={"query": query}, headers={"Authorization": f"Bearer {key}"})

    return send


async def one_after_another(client: httpx.AsyncClient, key: str, requests: Sequence[Send]) -> Load:
    """Each once the one before is answered."""
    load, began = Load(), time.perf_counter()
    for request in requests:
        await _timed(client, 0, key, request, load)
    load.took = time.perf_counter() - began
    return load


async def together(client: httpx.AsyncClient, keys: Sequence[str], requests: Sequence[Send]) -> Load:
    """All at once, by the users in turn."""
    load, began = Load(), time.perf_counter()
    await asyncio.gather(
        *(
            _timed(client, number % len(keys), keys[number % len(keys)], request, load)
            for number, request in enumerate(requests)
        )
    )
    load.took = time.perf_counter() - began
    return load


async def _timed(client: httpx.AsyncClient, user: int, key: str, send: Send, load: Load) -> None:
    began = time.perf_counter()
    try:
        answer = await send(client, key)
    except httpx.HTTPError as error:
        load.errors.append(repr(error))
        return
    if answer.status_code == 200:
        load.seconds[user].append(time.perf_counter() - began)
    else:
        load.errors.append(f"{answer.status_code}: {answer.text[:200]}")


if __name__ == "__main__":
    main()
