"""Which JSON Schemas can be enforced, how fast, and what comes out of a model that is held to them.

    python evals/benchmarks/structured.py schemas.jsonl [--generate 30] [--suite FOLDER]

`schemas.jsonl` holds lines of {id, schema, valid, invalid}, the last two lists of instances
(JSONSchemaBench).
`--suite` is a folder of JSON-Schema-Test-Suite groups, one JSON Lines file a draft. Times are CPU seconds of
this process, with one thread for the model.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonschema.validators import Draft202012Validator, validator_for

from ragent.config import LLMSettings
from ragent.errors import MalformedOutput, SchemaError
from ragent.llm.llamacpp import LlamaCpp, open_llamacpp
from ragent.structured import FormConstraint, constrain, generate, target_of
from ragent.types import Message, Sampling

PROMPT = "Give an example."
DRAFTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}


def main() -> None:
    """Print what was accepted, what got through, and how fast."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("schemas", type=Path)
    parser.add_argument("--generate", type=int, default=30, help="schemas to generate for")
    parser.add_argument("--max-tokens", type=int, default=300)
    parser.add_argument("--suite", type=Path, help="a folder of JSON-Schema-Test-Suite groups")
    arguments = parser.parse_args()
    model = open_llamacpp(LLMSettings(n_ctx=4096, threads=1))
    rows = [json.loads(line) for line in arguments.schemas.open(encoding="utf-8")]
    accepted = compile_all(rows, model)
    check_instances(accepted)
    if arguments.suite:
        check_suite(arguments.suite)
    if arguments.generate:
        chosen = random.Random(0).sample(accepted, min(arguments.generate, len(accepted)))
        generate_all([row for row, _ in chosen], model, arguments.max_tokens)


def compile_all(
    rows: Sequence[dict[str, Any]], model: LlamaCpp
) -> list[tuple[dict[str, Any], FormConstraint]]:
    """Prepare every schema for the model, and print how that went."""
    accepted, seconds, refusals = [], [], []
    constrain(target_of(True)).start(model.vocabulary)
    for row in rows:
        began = time.process_time()
        try:
            constraint = constrain(target_of(row["schema"]))
            constraint.start(model.vocabulary)
            accepted.append((row, constraint))
        except SchemaError as error:
            refusals.append(error.message[:110])
        seconds.append(time.process_time() - began)
    full = sum(not constraint.warnings for _, constraint in accepted)
    print(
        f"schemas {len(rows)}: enforced in full {full}, validated afterwards {len(accepted) - full}, ", end=""
    )
    print(f"refused {len(refusals)} ({len(accepted) / len(rows):.1%} accepted)")
    print(f"compile: p50 {statistics.median(seconds) * 1e3:.1f} ms, max {max(seconds):.2f} s")
    for reason, count in Counter(refusals).most_common():
        print(f"  refused {count}: {reason}")
    return accepted


def check_instances(accepted: Sequence[tuple[dict[str, Any], FormConstraint]]) -> None:
    """Print how many of the invalid instances pass a schema that is reported as enforced in full."""
    seen = [
        (row["id"], any(map(constraint.accepts, spellings(instance, row["schema"]))))
        for row, constraint in accepted
        if not constraint.warnings
        for instance in row["invalid"]
    ]
    passed = [name for name, passes in seen if passes]
    print(
        f"invalid instances accepted by schemas enforced in full: {len(passed)} of {len(seen)} {passed[:5]}"
    )


def spellings(instance: Any, schema: Any) -> Iterator[str]:
    """An instance as it stands, and with its members in the schema's order."""
    yield json.dumps(instance, ensure_ascii=False)
    declared = schema.get("properties") if isinstance(schema, dict) else None
    if isinstance(instance, dict) and isinstance(declared, dict):
        order = {name: place for place, name in enumerate(declared)}
        members = sorted(instance.items(), key=lambda member: order.get(member[0], len(order)))
        yield json.dumps(dict(members), ensure_ascii=False)


def check_suite(folder: Path) -> None:
    """Print the same for the suite of the standard itself, its optional parts included."""
    seen: Counter[bool] = Counter()
    passed: Counter[str] = Counter()
    for path in sorted(folder.glob("draft*.jsonl")):
        for line in path.open(encoding="utf-8"):
            group = json.loads(line)
            schema = group["schema"]
            if isinstance(schema, dict):
                schema = {"$schema": DRAFTS[path.stem], **schema}
            try:
                constraint = constrain(target_of(schema))
            except SchemaError:
                continue
            if constraint.warnings:
                continue
            for test in group["tests"]:
                if not test["valid"]:
                    accepts = any(map(constraint.accepts, spellings(test["data"], group["schema"])))
                    seen[accepts] += 1
                    passed[group["file"]] += accepts
    print(f"suite: invalid instances accepted: {seen[True]} of {seen.total()}", +passed or "")


def generate_all(rows: Sequence[dict[str, Any]], model: LlamaCpp, max_tokens: int) -> None:
    """Generate for some schemas, then freely for as many tokens, and print what is valid and the speeds."""
    free, bound = [0, 0.0], [0, 0.0]
    outcomes: Counter[str] = Counter()
    for row in rows:
        messages = [Message("user", PROMPT)]
        try:
            began = time.process_time()
            made = generate(model, messages, row["schema"], sampling=Sampling(max_tokens=max_tokens))
            bound[0] += made.usage.completion_tokens
            bound[1] += time.process_time() - began
            cut = "closed early" if made.closed else "not cut"
            kind = validator_for(row["schema"], default=Draft202012Validator)
            valid = "valid" if kind(row["schema"]).is_valid(made.value) else "NOT VALID"
            outcomes[f"{cut}, {valid}"] += 1
            free_tokens(model, made.usage.completion_tokens, free)
        except MalformedOutput as error:
            outcomes["no value: " + error.message[:100]] += 1
    for outcome, count in outcomes.most_common():
        print(f"generated {count}: {outcome}")
    if free[1] and bound[1]:
        rates = [tokens / seconds for tokens, seconds in (bound, free)]
        print(
            f"tokens a CPU second: bound {rates[0]:.1f}, free {rates[1]:.1f}, ratio {rates[0] / rates[1]:.3f}"
        )


def free_tokens(model: LlamaCpp, count: int, total: list[Any]) -> None:
    """Write as many tokens without a constraint."""
    messages = [Message("user", "Tell me a long story about the sea.")]
    began = time.process_time()
    *_, last = model.stream(messages, Sampling(max_tokens=count))
    total[1] += time.process_time() - began
    total[0] += last.usage.completion_tokens if last.usage else 0


if __name__ == "__main__":
    main()
