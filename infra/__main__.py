"""The synth process: one JSON line in (an ``ApiSpec`` or a ``DomainSpec``), one out.

Answers ``{"template": {...}}`` or ``{"error": "..."}``. The first line it writes is
``{"ready": true}``, once ``aws_cdk`` is imported and has synthesized once, so that no
deployment pays for the start. Nothing else ever stands on its stdout: whatever a
library prints goes to stderr.
"""

import json
import os
import sys
import traceback
from tempfile import TemporaryDirectory
from typing import Any

from aws_cdk import App
from pydantic import TypeAdapter, ValidationError

from infra.spec import ApiSpec, DomainSpec, TriggerSpec
from infra.stack import ApiStack, DomainStack

CONTEXT = {
    # A changed authorizer must give a new deployment, or it never goes live.
    "@aws-cdk/aws-apigateway:authorizerChangeDeploymentLogicalId": True,
    "@aws-cdk/core:disablePathMetadata": True,
    "aws:cdk:enable-path-metadata": False,
    "aws:cdk:enable-asset-metadata": False,
    "aws:cdk:version-reporting": False,
}

_SPECS: TypeAdapter[ApiSpec | DomainSpec] = TypeAdapter(ApiSpec | DomainSpec)
_WARM_UP = ApiSpec(
    instance="warm",
    key="warmup00",
    account="000000000000",
    region="us-east-1",
    triggers=(
        TriggerSpec(
            key="warmup00",
            method="GET",
            path="/",
            state_machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:warm",
            input_mode="BODY",
        ),
    ),
)


def synthesize(spec: ApiSpec | DomainSpec) -> dict[str, Any]:
    """The CloudFormation template of ``spec``, as a JSON object."""
    with TemporaryDirectory(prefix="stepgate-synth-") as directory:
        app = App(context=CONTEXT, analytics_reporting=False, outdir=directory)
        stack = ApiStack(app, spec) if isinstance(spec, ApiSpec) else DomainStack(app, spec)
        template: dict[str, Any] = app.synth().get_stack_by_name(stack.stack_name).template
    return template


def _answer(line: str) -> dict[str, Any]:
    try:
        return {"template": synthesize(_SPECS.validate_json(line))}
    except ValidationError as error:
        return {"error": f"The specification is not valid: {error}"}
    except OSError:  # the Node child is gone, and this process with it
        raise
    except Exception as error:
        traceback.print_exc()
        return {"error": f"The CDK refused the specification: {error}"}


def main() -> None:
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def write(reply: dict[str, Any]) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    synthesize(_WARM_UP)
    write({"ready": True})
    for line in sys.stdin:
        write(_answer(line))


if __name__ == "__main__":
    main()
