"""A template reads the request and writes the answer as in API Gateway."""

import json

import pytest

from infra.velocity import Request, render

ORDER = """{"id": 7, "name": "Ann", "big": 12345678901234567890123, "price": 1.10, "none": null,
 "tags": ["a", "b"], "lines": [{"sku": "x", "n": 1}, {"sku": "y", "n": 2}],
 "deep": {"sku": "z", "list": [{"k": "v"}]}}"""

REQUEST = Request(
    body=ORDER,
    path={"id": "p", "both": "from path"},
    query={"id": "q", "page": "2", "both": "from query"},
    headers={"X-Id": "h", "page": "header"},
    context={
        "requestId": "r-1",
        "extendedRequestId": "Abc_d-e=",
        "identity": {"sourceIp": "10.0.0.1"},
        "authorizer": {"claims": {"sub": "u1"}},
    },
    stage_variables={"env": "prod"},
)


def text(template: str, request: Request = REQUEST) -> str:
    return render(template, request).text


def check(table: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("template", "expected"), table)


@check(
    [
        ("$input.path('$.name')", "Ann"),
        ("$input.path('$.big') $input.path('$.price')", "12345678901234567890123 1.1"),
        ("$input.path('$.lines[1].sku')$input.path('$.lines[-1].n')", "y2"),
        ("$input.path('$').lines[0].sku", "x"),
        ("$input.path('$.lines')", '[{"sku":"x","n":1},{"sku":"y","n":2}]'),
        ("$input.path('$.deep')", '{sku=z, list=[{"k":"v"}]}'),
        ("$input.path('$.none')|$input.path('$.no')", "|"),
        ("$input.path('$.lines').size()", "2"),
        ("#foreach($l in $input.path('$.lines'))$l.sku$l.n#end", "x1y2"),
        ("$input.json('$.lines[*].sku')", '["x","y"]'),
        ("$input.json('$..sku')", '["x","y","z"]'),
        ("$input.json(\"$['name']\")", '"Ann"'),
        ("$input.json('$.lines[?(@.sku == \"y\")].n')", "[2]"),
        ("$input.json('$.lines[?(@.n > 1 || @.sku == \"x\")].n')", "[1,2]"),
        ("$input.json('$.lines[?(@.gone)]')", "[]"),
        ("$input.json('$.lines[0:1]')", '[{"sku":"x","n":1}]'),
        ("$input.json('$.lines.length()')", "2"),
        ("$input.json('$.big')$input.json('$.none')", "12345678901234567890123null"),
        ("<$input.json('$.no')>", '<"">'),
        ("$input.json('name')", '"Ann"'),
    ]
)
def test_input_reads_the_body_by_path(template: str, expected: str) -> None:
    assert text(template) == expected


@pytest.mark.parametrize(
    ("body", "template", "expected"),
    [
        ("", "$input.body$input.json('$')$input.path('$')", "{}{}{}"),
        ("a=1&b=2", "$input.path('$').split('&')[1]", "b=2"),
        ("a=1", "$input.json('$')$input.json('$.a')", '"a=1"""'),
        ("[1.0, 1e5, -0, 0.00001]", "$input.json('$')", "[1.0,100000.0,0,1.0E-5]"),
        ("[1234567890.5, 1e400]", "$input.json('$')", "[1.2345678905E9,null]"),
        ('{"a": "é\\u2028\\/"}', "$input.json('$')", '{"a":"é\\u2028/"}'),
        ('{"a":"$input.body #set($x=1)"}', "$input.path('$.a')", "$input.body #set($x=1)"),
    ],
)
def test_a_body_is_data_whatever_stands_in_it(body: str, template: str, expected: str) -> None:
    assert text(template, Request(body=body)) == expected


@check(
    [
        ("$input.params('id') $input.params('both')", "p from path"),
        ("$input.params('page') $input.params('X-Id')", "2 h"),
        ("<$input.params('no')><$input.params('x-id')>", "<><>"),
        ("$input.params().header.get('X-Id')", "h"),
        ("$input.params().header.X-Id", "h"),
        ("$input.params().querystring", "{id=q, page=2, both=from query}"),
        ("#foreach($k in $input.params().path.keySet())$k,#end", "id,both,"),
        ("#foreach($t in $input.params().keySet())$t #end", "path querystring header "),
        (
            "$stageVariables.env $stageVariables.get('env') $stageVariables.no",
            "prod prod ",
        ),
        ("$context.requestId $context.identity.sourceIp", "r-1 10.0.0.1"),
        ("<$context.no><$context.identity.no.more>", "<><>"),
        ("#if($context.no == '')a#{else}b#end", "a"),
        ("<$context.authorizer.claims>$context.authorizer.claims.sub", "<>u1"),
    ]
)
def test_a_request_gives_its_parameters_and_context(template: str, expected: str) -> None:
    assert text(template) == expected


def test_a_template_sets_the_status_and_headers_of_the_answer() -> None:
    template = (
        "#set($context.responseOverride.status = 404)"
        "#set($context.responseOverride.header.X-Why = \"no $input.path('$.id')\")ok"
    )
    rendered = render(template, REQUEST)
    assert (rendered.text, rendered.status, rendered.headers) == ("ok", 404, {"X-Why": "no 7"})
    assert render("ok", REQUEST).status is None
    assert "responseOverride" not in REQUEST.context


@pytest.mark.parametrize(
    ("expression", "body", "expected"),
    [
        ("escapeJavaScript", "'\"\\/", "\\'\\\"\\\\\\/"),
        ("escapeJavaScript", "\b\n\t\f\r\x01\x7f", "\\b\\n\\t\\f\\r\\u0001\x7f"),
        ("escapeJavaScript", "é\u2028😀", "\\u00E9\\u2028\\uD83D\\uDE00"),
        ("urlEncode", "a b&c=~*é/", "a+b%26c%3D%7E*%C3%A9%2F"),
        ("urlDecode", "a+b%26%C3%A9", "a b&é"),
        ("base64Encode", "hé", "aMOp"),
        ("base64Decode", "aMOp", "hé"),
    ],
)
def test_util_converts_texts(expression: str, body: str, expected: str) -> None:
    assert text(f"$util.{expression}($input.body)", Request(body=body)) == expected


def test_util_parses_json_that_stands_in_json() -> None:
    request = Request(body=json.dumps({"inner": '{"a": [1, 2.50]}'}))
    template = "#set($o = $util.parseJson($input.path('$.inner')))$o.a[1] $o"
    assert text(template, request) == "2.5 {a=[1,2.5]}"


def test_java_counts_an_emoji_as_two_characters() -> None:
    request = Request(body="a😀b")
    assert text("$input.body.length() $input.body.indexOf('b')", request) == "4 3"
    assert text("$input.body.substring(1, 3)", request) == "😀"
