"""``python -m bench [deploy|lists|preview|sizes]…``: the benchmarks, all unless one is named."""

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys

from bench import cdk_cli, place

BENCHMARKS = ("deploy", "lists", "preview", "sizes")
_WITHIN = 1800


def main() -> int:
    place.end_well()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("which", nargs="*", choices=[[], *BENCHMARKS], help="one of them only")
    chosen = parser.parse_args().which or BENCHMARKS
    print(_machine(), flush=True)
    return max(_run(name) for name in chosen)


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores (load {load:.1f} before), Python {platform.python_version()}, "
        f"aws-cdk-lib {importlib.metadata.version('aws-cdk-lib')}, aws-cdk {cdk_cli.version()}"
    )


def _run(name: str) -> int:
    """Each in a process of its own: Django reads its settings once."""
    print(flush=True)
    child = subprocess.Popen([sys.executable, "-m", f"bench.{name}"], cwd=place.ROOT)
    try:
        return child.wait(_WITHIN)
    except BaseException:
        child.terminate()
        child.wait()
        raise


if __name__ == "__main__":
    sys.exit(main())
