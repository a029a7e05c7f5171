"""The CDK app that ``cdk deploy`` runs: ``python -m bench.cdk_app SPEC``.

SPEC is a file with an ApiSpec as JSON. It goes through the very function that the synth
process uses, so the template is the same. The CLI names the output directory in
CDK_OUTDIR, which the CDK's App reads by itself.
"""

import sys
from pathlib import Path

from infra.__main__ import synthesize
from infra.spec import ApiSpec

if __name__ == "__main__":
    synthesize(ApiSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8")))
