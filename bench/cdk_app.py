"""The CDK app that ``cdk deploy`` runs: ``python -m bench.cdk_app SPEC``.

SPEC is a file with an ApiSpec as JSON. The stack and the context are those of the synth
process, so the template is the same. The CLI names the output directory in CDK_OUTDIR,
which the CDK's App reads by itself.
"""

import sys
from pathlib import Path

from aws_cdk import App

from infra.__main__ import CONTEXT
from infra.spec import ApiSpec
from infra.stack import ApiStack

if __name__ == "__main__":
    app = App(context=CONTEXT, analytics_reporting=False)
    ApiStack(app, ApiSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8")))
    app.synth()
