"""Finds a Chromium for the tests: on the path, Playwright's own, or Debian's package.

``python -m tests.browser`` says which one, and installs one where there is none.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _playwrights() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _works(path: str) -> bool:
    try:
        with sync_playwright() as playwright:
            playwright.chromium.launch(executable_path=path, args=ARGUMENTS).close()
    except Error:
        return False
    return True


@cache
def find() -> str:
    """The path of a Chromium that starts. Raises RuntimeError where there is none."""
    for path in (_on_path(), _playwrights()):
        if path and _works(path):
            return path
    raise RuntimeError("no Chromium that starts: run “make browser”")


def install() -> None:
    """Playwright's build, else Debian's package."""
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    if subprocess.run(playwright, check=False, timeout=300).returncode == 0:
        return
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]):
        subprocess.run(
            [*sudo, *command],
            check=False,
            timeout=600,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL,
        )


def main() -> None:
    try:
        path = find()
    except RuntimeError:
        install()
        try:
            path = find()
        except RuntimeError:
            sys.exit(
                "No Chromium could be had: not on the path, not from Playwright, not from "
                "Debian's packages. Install one, so that “chromium” is on the path."
            )
    sys.stdout.write(f"The browser tests use {path}\n")


if __name__ == "__main__":
    main()
