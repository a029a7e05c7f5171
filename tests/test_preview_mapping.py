"""`manage.py preview_mapping` prints a rendered template, and only that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def preview(folder: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, with nothing set but what every process has."""
    environment = {"PATH": os.environ["PATH"], "STEPGATE_LOCAL_DIR": str(folder / "local")}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "preview_mapping", *options],
        cwd=folder,
        env=environment
        | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "DATABASE_URL": "sqlite:///no/db"},
        capture_output=True,
        check=False,
        timeout=60,
    )


def written(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return name


def test_it_prints_the_rendered_text_byte_for_byte(tmp_path: Path) -> None:
    template = written(tmp_path, "t.vtl", "é $input.json('$.a')\r\n\t$input.body\r\n".encode())
    body = written(tmp_path, "b.json", '{"a": "ü"}\n'.encode())
    done = preview(tmp_path, template, "--body", body)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == 'é "ü"\r\n\t{"a": "ü"}\n\r\n'.encode()


def test_a_byte_order_mark_is_no_part_of_a_template_and_no_line_end_is_added(
    tmp_path: Path,
) -> None:
    done = preview(tmp_path, written(tmp_path, "t.vtl", b"\xef\xbb\xbf$input.body"))
    assert done.stdout == b"{}"


def test_the_options_make_the_request(tmp_path: Path) -> None:
    template = written(
        tmp_path,
        "t.vtl",
        b"$input.params('id') $input.params('q') $input.params('r') $input.params('X-A') "
        b"$input.params('Content-Type') $stageVariables.env $context.identity.userAgent "
        b"$context.authorizer.claims.sub $context.stage $context.path $context.resourcePath "
        b"$context.httpMethod",
    )
    done = preview(
        tmp_path, template,
        "--path", "id=7", "--query", "q=1", "--query", "q=2=3", "--query", "r=",
        "--header", "X-A=b", "--header", "user-agent=me", "--content-type", "text/plain",
        "--stage-variable", "env=live", "--context", "authorizer.claims.sub=u1",
        "--context", "httpMethod=PUT",
    )  # fmt: skip
    assert done.stdout == b"7 2=3  b text/plain live me u1 prod /prod/7 /{id} PUT"


def test_the_context_has_sample_values(tmp_path: Path) -> None:
    names = ["requestId", "extendedRequestId", "identity.sourceIp", "identity.userAgent"]
    names += ["httpMethod", "path", "resourcePath", "stage", "apiId", "accountId", "domainName"]
    names += ["requestTime", "requestTimeEpoch"]
    template = written(tmp_path, "t.vtl", "\n".join(f"$context.{name}" for name in names).encode())
    values = preview(tmp_path, template).stdout.decode().split("\n")
    assert len(values) == len(names)
    assert all(values)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["no.vtl"], "no.vtl cannot be read: No such file or directory."),
        (["."], ". cannot be read: Is a directory."),
        (["bad.vtl"], "bad.vtl: line 2, column 2: #if is never closed: its #end is missing."),
        (["latin.vtl"], "latin.vtl is not UTF-8 text: byte 1 is wrong."),
        (["good.vtl", "--body", "latin.vtl"], "latin.vtl is not UTF-8 text: byte 1 is wrong."),
        (["good.vtl", "--body", "no.json"], "no.json cannot be read: No such file or directory."),
        (["good.vtl", "--query", "q"], "--query q: write it as NAME=VALUE."),
        (["good.vtl", "--header", "=v"], "--header =v: write it as NAME=VALUE."),
        (["good.vtl", "--path", ""], "--path : write it as NAME=VALUE."),
        (["good.vtl", "--context", "stage.x=1"], "--context stage.x: stage is a text"),
        (["good.vtl", "--nothing"], "Error: unrecognized arguments: --nothing"),
        ([], "Error: the following arguments are required: TEMPLATE_FILE"),
    ],
)
def test_an_error_is_one_line_and_exit_status_1(
    tmp_path: Path, options: list[str], said: str
) -> None:
    written(tmp_path, "good.vtl", b"x")
    written(tmp_path, "bad.vtl", b"x\n #if(true)")
    written(tmp_path, "latin.vtl", b"x\xe9")
    done = preview(tmp_path, *options)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith(said)
    assert done.stderr.count(b"\n") == 1
