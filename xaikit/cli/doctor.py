"""`xaikit doctor`."""

from dataclasses import asdict
from typing import Annotated

import typer

from .console import as_json, out, say


def doctor(
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds that a plugin may take to be imported.")] = 30.0,
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,
) -> None:
    """Say what is wrong with this installation, and what to do.

    Looks at Python, TensorFlow, Keras, devices, memory and plugins, and explains something that is known beforehand. It
    takes about a minute. Exits with 0 where there is no problem, 2 where the setup is wrong, 6 where a plugin is, and 1
    where explanations are.
    """
    from ..doctor import examined, exit_code

    say("TensorFlow and each plugin are started in a process of their own; this takes about a minute")
    findings = []
    for finding in examined(seconds=time_limit):
        findings.append(finding)
        if not as_data:
            out(f"{finding.status:8} {finding.subject}: {finding.found}")
            if finding.advice:
                out(f"{'':8} -> {finding.advice}")
    code = exit_code(findings)
    if as_data:
        as_json({"exit_code": code, "findings": [asdict(finding) for finding in findings]})
    raise typer.Exit(code)
