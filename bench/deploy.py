"""From *Save and deploy* to *Live*, beside ``cdk deploy`` and bare CloudFormation.

One run, one embedded AWS, a fresh stack each time, in turns: A the button, B the CLI (in
fewer rounds: it is slow), C the template of A by bare boto3.
"""

import os
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.core.management import call_command

from bench import cdk_cli, place, table

if TYPE_CHECKING:
    from bench.button import Pressed

WARM_UPS = 3
ROUNDS = 20
CLI_ROUNDS = 5
_NEEDED = ("aws", "broker", "worker")


@dataclass
class Measured:
    """Seconds of every counted round. ``pairs`` are B and A of the same round."""

    button: list["Pressed"] = field(default_factory=list)
    cli: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    pairs: list[tuple[float, float]] = field(default_factory=list)
    template_bytes: int = 0
    no_cli: str = ""


def main() -> None:
    place.end_well()
    with tempfile.TemporaryDirectory() as directory:
        local_dir = Path(directory)
        env = place.environ(local_dir)
        # Django reads its settings once: what this process inherited must be gone by then.
        for name in os.environ.keys() - env.keys():
            del os.environ[name]
        os.environ.update(env)
        django.setup()
        with (local_dir / "first-run").open("w") as quiet:
            call_command("first_run", stdout=quiet)
        with place.running(_NEEDED, env, local_dir / "log") as processes:
            print(_report(_measure(processes, env)))


def _measure(processes: place.Processes, env: dict[str, str]) -> Measured:
    # Only here: the models want the settings of this run.
    from bench import button

    measured = Measured()
    try:
        cdk_cli.install()
    except cdk_cli.NoCli as error:
        measured.no_cli = str(error)
    button.await_workers(processes.check)
    person, raw = button.Person(), button.RawCloudFormation()
    for number in range(-WARM_UPS, ROUNDS):
        pressed = person.press()
        template = raw.template(pressed)
        counted = number >= 0
        # The CLI warms up once: what it keeps on disk is jsii's cache.
        if not measured.no_cli and (number % (ROUNDS // CLI_ROUNDS) == 0 or number == -1):
            seconds = cdk_cli.deploy(pressed.fresh_spec(), env)
            if counted:
                measured.cli.append(seconds)
                measured.pairs.append((seconds, pressed.seconds))
        seconds = raw.deploy(f"raw-{number + WARM_UPS}", template)
        if counted:
            measured.button.append(pressed)
            measured.raw.append(seconds)
            measured.template_bytes = len(template.encode())
        processes.check()
    return measured


def _report(measured: Measured) -> str:
    button = [pressed.seconds for pressed in measured.button]
    rows = [_row("A  Save and deploy → Live", button)]
    if measured.cli:
        rows.append(_row(f"B  cdk deploy ({cdk_cli.version()})", measured.cli))
    rows.append(_row("C  raw CloudFormation", measured.raw))
    lines = [
        "From Save and deploy to Live: one trigger in a new REST API, "
        f"{measured.template_bytes:,} bytes of template. Seconds.",
        table.text(["", "rounds", "min", "median", "p95", "max"], rows),
        "",
        *_ratios(measured, statistics.median(button)),
        "",
        "Where A goes, by the deployment's own STEP events. Seconds.",
        _phases(measured.button),
    ]
    return "\n".join(lines)


def _ratios(measured: Measured, button: float) -> list[str]:
    raw = statistics.median(measured.raw)
    lines = [f"A p50: {button:.3f} s (wanted: at most 0.25 s)"]
    if measured.cli:
        whole = statistics.median(measured.cli) / button
        pairs = statistics.median(cli / own for cli, own in measured.pairs)
        lines.append(
            f"B / A: {whole:.0f} times by the medians, {pairs:.0f} times by the median of "
            "the rounds that ran both (wanted: at least 25 times)"
        )
    else:
        lines.append(f"B is missing: {measured.no_cli}")
    lines.append(f"C / A: {raw / button:.0%} of the button's time is CloudFormation itself")
    return lines


def _phases(presses: Sequence["Pressed"]) -> str:
    phases: dict[str, list[float]] = defaultdict(list)
    for pressed in presses:
        phases["(the form's POST, beginning to end)"].append(pressed.answered)
        for name, seconds in pressed.phases():
            phases[name].append(seconds)
    rows = [_row(name, seconds) for name, seconds in phases.items()]
    return table.text(["", "rounds", "min", "median", "p95", "max"], rows)


def _row(name: str, seconds: Sequence[float]) -> list[str]:
    figures = (
        min(seconds),
        statistics.median(seconds),
        table.percentile(seconds, 0.95),
        max(seconds),
    )
    return [name, str(len(seconds)), *(f"{figure:.3f}" for figure in figures)]


if __name__ == "__main__":
    main()
