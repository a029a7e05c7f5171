"""cdk-nag over what ``infra`` makes: ``python -m tests.nag``, in a process of its own.

Reads a JSON list of specifications, writes for each what cdk-nag says of it: ``findings``,
rule → construct paths, and ``explained``, construct path → rule → the reason in the code.
``--careless`` adds a route without authorization and a role that may do everything first.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aws_cdk import App, Stack, Validations
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks
from pydantic import TypeAdapter

from infra.__main__ import CONTEXT
from infra.spec import ApiSpec, DomainSpec
from infra.stack import ApiStack, DomainStack

_SPECS: TypeAdapter[list[ApiSpec | DomainSpec]] = TypeAdapter(list[ApiSpec | DomainSpec])


def _said(spec: ApiSpec | DomainSpec, *, careless: bool) -> dict[str, Any]:
    with TemporaryDirectory() as directory:
        app = App(context=CONTEXT, analytics_reporting=False, outdir=directory)
        stack = ApiStack(app, spec) if isinstance(spec, ApiSpec) else DomainStack(app, spec)
        if careless and isinstance(stack, ApiStack):
            _be_careless(stack)
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        try:
            app.synth()
        except RuntimeError as error:  # what jsii raises for findings, which the report holds
            if "ValidationFailed" not in str(error):
                raise
        report = json.loads(Path(directory, "validation-report.json").read_text())
        return {"findings": _findings(report), "explained": _explained(stack)}


def _be_careless(stack: ApiStack) -> None:
    stack.api.root.add_method("PUT")
    everything = iam.PolicyStatement(actions=["*"], resources=["*"])
    iam.Role(
        stack,
        "Careless",
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        inline_policies={"Everything": iam.PolicyDocument(statements=[everything])},
    )


def _findings(report: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            found[violation["ruleName"]] += [
                construct["constructPath"].partition("/")[2]
                for construct in violation["violatingConstructs"]
            ]
    return found


def _explained(stack: Stack) -> dict[str, dict[str, str]]:
    key = Validations.ACKNOWLEDGED_RULES_METADATA_KEY
    return {
        construct.node.path.partition("/")[2]: {
            rule.rpartition("Annotation::")[2]: reason
            for entry in construct.node.metadata
            if entry.type == key
            for rule, reason in entry.data.items()
        }
        for construct in [stack.node.root, *stack.node.find_all()]
        if any(entry.type == key for entry in construct.node.metadata)
    }


def main() -> None:
    specs = _SPECS.validate_json(sys.stdin.read())
    careless = "--careless" in sys.argv[1:]
    json.dump([_said(spec, careless=careless) for spec in specs], sys.stdout)


if __name__ == "__main__":
    main()
