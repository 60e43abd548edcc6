"""Writes what a search found: a new version of the prompt, its examples, the settings, and the report."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ragent.errors import EvalError
from ragent.prompts import Example, PromptTemplate, read_examples, save_version
from ragent_evals.estimates import Estimate
from ragent_evals.optimizing.optimize import NOTHING_SAID, Half, Optimized, Stage
from ragent_evals.optimizing.program import THRESHOLD
from ragent_evals.optimizing.teaching import taught
from ragent_evals.optimizing.wording import instructed, write_examples
from ragent_evals.tuning.settings_file import write_settings


@dataclass(frozen=True, slots=True)
class About:
    """What was optimised: the set and its version, the metric, the prompt and style at the start.

    `style` and `answer_prompt` are of `ask`; of an agent, they are "".
    """

    set_name: str
    version: str
    metric: str
    prompt: PromptTemplate
    style: str
    answer_prompt: str


def write_winner(found: Optimized, about: About, home: Path, config: Path) -> list[str]:
    """Write the winner into a home and its settings; says what was written.

    Raises:
        EvalError: it does worse than the start on the cases that it was checked on, or it is the start.
        ConfigError: a file can't be written.
    """
    if not found.is_accepted:
        raise EvalError(
            f"nothing is written: {verdict(found)}", hint="a larger --budget, more cases, or another --tune"
        )
    winner = found.winner.candidate
    if not about.answer_prompt:
        return _write_agent(found, about, home / "prompts", config)
    settings: dict[str, Any] = {**winner.settings, THRESHOLD: found.winner.threshold}
    written = []
    if winner.instruction:
        head = {**about.prompt.head, "description": _described(found, about)}
        body = instructed(about.prompt, winner.instruction)
        version = save_version(home / "prompts", about.prompt.name, body, head)
        written.append(f"prompt {about.prompt.name}@{version}")
        # The new version is a prompt of one's own, which would turn the style `auto` into `draft`.
        settings.setdefault("ask.style", about.style)
        if about.prompt.name == about.answer_prompt:
            settings["ask.prompt"] = f"{about.prompt.name}@{version}"
    if winner.examples:
        path = home / "prompts" / f"{about.answer_prompt}.examples.jsonl"
        written.append(f"{_add_examples(path, winner.examples)} examples in {path}")
    return written + _write_settings(config, settings)


def _write_agent(found: Optimized, about: About, prompts: Path, config: Path) -> list[str]:
    """Advice and examples both stand in the prompt of an agent."""
    winner, written = found.winner.candidate, []
    if winner.instruction or winner.examples:
        head = {**about.prompt.head, "description": _described(found, about)}
        version = save_version(prompts, about.prompt.name, taught(about.prompt, winner), head)
        written.append(f"prompt {about.prompt.name}@{version}")
    return written + _write_settings(config, winner.settings)


def _write_settings(config: Path, settings: Mapping[str, Any]) -> list[str]:
    sections: dict[str, dict[str, str]] = defaultdict(dict)
    for name, value in sorted(settings.items()):
        section, _, key = name.partition(".")
        sections[section][key] = json.dumps(value)
    written = []
    for section, values in sections.items():
        write_settings(config, section, values)
        written += [f"{section}.{key} = {value}" for key, value in values.items()]
    return written


def report_json(found: Optimized, about: About) -> dict[str, Any]:
    """The report: what was tried, what won, and what it is worth."""
    return {
        "set": about.set_name,
        "version": about.version,
        "metric": about.metric,
        "prompt": f"{about.prompt.name}@{about.prompt.version}",
        "start": {"threshold": found.start.threshold, "answered": round(found.start.answered, 4)}
        | {"value": asdict(found.start.value)},
        "winner": {"changes": found.winner.candidate.name, "threshold": found.winner.threshold}
        | {"answered": round(found.winner.answered, 4), "value": asdict(found.winner.value)},
        "gain": asdict(found.gain) | {"p": round(found.p, 4)},
        "silent": found.silent,
        "accepted": found.is_accepted,
        "train_cases": found.train_cases,
        "test_cases": found.test_cases,
        "spent": round(found.spent, 1),
        "asks": found.asks,
        "stages": [_stage_json(stage) for stage in found.stages],
    }


def report_markdown(found: Optimized, about: About) -> str:
    """The same for people."""
    lines = [
        f"# {about.set_name}: {about.metric}, {time.strftime('%Y-%m-%d')}",
        "",
        f"Set version {about.version}; prompt {about.prompt.name}@{about.prompt.version}; "
        f"{found.asks} asks. Chosen by {found.train_cases} cases, checked on {found.test_cases} others.",
        "",
        "| | changes | threshold | value | answered |",
        "| --- | --- | --- | --- | --- |",
        _row("start", found.start),
        _row("winner", found.winner),
        f"| | says nothing at all | | {silence(found)} | 0% |",
        "",
        f"Difference: {told(found.gain)}, p = {found.p:.4f}. {verdict(found).capitalize()}.",
    ]
    for number, stage in enumerate(found.stages, 1):
        cases = [f"{rung.cases} cases" for rung in stage.rungs]
        lines += ["", f"## Round {number}", "", f"| candidate | {' | '.join(cases)} |"]
        lines.append("| --- |" + " --- |" * len(cases))
        for row in _stage_json(stage)["candidates"]:
            scores = ["none" if score is None else f"{score:.3f}" for score in row["scores"]]
            scores += [""] * (len(cases) - len(row["scores"]))
            lines.append(f"| {row['changes']} | {' | '.join(scores)} |")
    return "\n".join(lines) + "\n"


def told(estimate: Estimate) -> str:
    """An estimate in words."""
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def silence(found: Optimized) -> str:
    """What saying nothing at all is worth, in words."""
    return "unknown" if found.silent is None else f"{found.silent:.3f}"


def write_report(folder: Path, found: Optimized, about: About) -> Path:
    """Write both reports; gives the path of the Markdown one. They hold no words of any document."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{about.set_name}-{about.metric}-{about.version[:8]}.md"
    path.write_text(report_markdown(found, about), "utf-8")
    told_json = json.dumps(report_json(found, about), indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(told_json + "\n", "utf-8")
    return path


def _row(label: str, half: Half) -> str:
    value, answered = told(half.value), f"{half.answered:.0%}"
    return f"| {label} | {half.candidate.name} | {half.threshold:g} | {value} | {answered} |"


def _stage_json(stage: Stage) -> dict[str, Any]:
    return {
        "rungs": [rung.cases for rung in stage.rungs],
        "candidates": [
            {
                "changes": candidate.name,
                "scores": [_score_json(rung.scores[arm]) for rung in stage.rungs if arm in rung.scores],
            }
            for arm, candidate in enumerate(stage.candidates)
        ],
    }


def _score_json(score: float) -> float | None:
    return None if score == NOTHING_SAID else round(score, 4)


def _add_examples(path: Path, examples: Sequence[Example]) -> int:
    """Beside those that are there: they may be the user's own."""
    before = read_examples(path) if path.exists() else ()
    asked = {example.question for example in before}
    new = [example for example in examples if example.question not in asked]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_examples(path, [*before, *new])
    return len(new)


def _described(found: Optimized, about: About) -> str:
    return (
        f"{about.prompt.description} Chosen on {about.set_name} by {about.metric}: "
        f"{told(found.gain)} more on {found.test_cases} other cases, {time.strftime('%Y-%m-%d')}."
    ).strip()


def verdict(found: Optimized) -> str:
    """What the check says, in words."""
    if found.winner.candidate == found.start.candidate and found.winner.threshold == found.start.threshold:
        return "nothing that was tried is better than the program as it is"
    if found.gain.value < 0:
        return "the winner does worse on the cases that it was checked on"
    if found.gain.low > 0:
        return "better beyond chance"
    return "no worse, but the difference may be chance"
