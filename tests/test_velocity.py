"""The evaluator of mapping templates behaves as Velocity 1.7 does in API Gateway."""

import base64
import json
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra import mapping
from infra.spec import TriggerSpec
from infra.velocity import Request, VelocityError, render

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

BODY_TRIGGER = TriggerSpec(
    key="abcdefgh",
    method="POST",
    path="/orders",
    state_machine_arn="arn:aws:states:eu-central-1:123456789012:stateMachine:Orders",
    input_mode="BODY",
)


def text(template: str, request: Request = REQUEST) -> str:
    return render(template, request).text


def check(table: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("template", "expected"), table)


@check(
    [
        ("", ""),
        ("plain {text} 5$ # 100% a\\b", "plain {text} 5$ # 100% a\\b"),
        ("$", "$"),
        ("$!", "$!"),
        ("${", "${"),
        ("$5.00", "$5.00"),
        ("#1 #ff0000 #", "#1 #ff0000 #"),
        ("$x", "$x"),
        ("$!x", ""),
        ("${x}", "${x}"),
        ("$!{x}", ""),
        ("$x.y.z(1, 'a')[0]", "$x.y.z(1, 'a')[0]"),
        ("$!x.y()", ""),
        ("$x.", "$x."),
        ("$util", "$util"),
        ("#set($a='v')$a.", "v."),
        ("#set($a='v')${a}b", "vb"),
        ("#set($a-b='v')$a-b", "v"),
        ("#set($a='v')$a.nope", "$a.nope"),
        ("#set($a='v')$a.nope()", "$a.nope()"),
        ("#set($a='v')$a (b)", "v (b)"),
    ]
)
def test_text_and_references_print_as_velocity_prints_them(template: str, expected: str) -> None:
    assert text(template) == expected


@check(
    [
        ("#set($x=1)\\$x", "$x"),
        ("#set($x=1)\\\\$x", "\\1"),
        ("#set($x=1)\\\\\\$x", "\\$x"),
        ("\\$x", "\\$x"),
        ("\\\\$x", "\\\\$x"),
        ("#set($x=1)\\$!x \\${x}", "$!x ${x}"),
        ("\\$!x", "\\$!x"),
        ("$\\!x", "$!x"),
        ("\\#set($x = 1)", "#set($x = 1)"),
        ("\\#if(true)", "#if(true)"),
        ("\\\\#if(true)a#end", "\\a"),
        ("\\\\\\#end", "\\#end"),
        ("\\#nothing", "\\#nothing"),
        ("\\\\n", "\\\\n"),
        ("#[[ $x #if ]]#", " $x #if "),
    ]
)
def test_a_backslash_escapes_only_what_would_be_evaluated(template: str, expected: str) -> None:
    assert text(template) == expected


@check(
    [
        ("a ## gone\nb", "a b"),
        ("a #* gone\n *#b", "a b"),
        ("#** doc *#b", "b"),
        ("#set($x=1)\nb", "b"),
        ("#set($x=1)  \r\nb", "b"),
        ("#set($x=1)\n  #set($y=2)b", "b"),
        ("a\n  #set($x=1)\nb", "a\n  b"),
        ("#set($x=1)$x  #set($y=2)$y", "12"),
        ("#if(true)\na\n#else\nb\n#end\nc", "a\nc"),
        ("#if(true) a #end b", " a  b"),
        ("#foreach($i in [1,2])\n$i\n#end\n", "1\n2\n"),
    ]
)
def test_white_space_goes_where_velocity_1_7_swallows_it(template: str, expected: str) -> None:
    assert text(template) == expected


@check(
    [
        ("#if(true)a#{else}b#{end}c", "ac"),
        ("#{if}(false)a#{else}b#{end}", "b"),
        ("#if(false)a#elseif(true)b#else c#end", "b"),
        ("#if($x)a#{else}b#end", "b"),
        ("#set($x='')#if($x)a#end", "a"),
        ("#set($x=0)#if($x)a#end", "a"),
        ("#set($x=false)#if(!$x)a#end", "a"),
        ("#if($x == $y)a#end", "a"),
        ("#if($x == null)a#end", "a"),
        ("#if(not false and true or false)a#end", "a"),
        ("#if(1 lt 2 && 2 le 2 && 3 gt 2 && 3 ge 3 && 1 eq 1 && 1 ne 2)a#end", "a"),
        ("#if(1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 == 1.0 && 1 != 2)a#end", "a"),
        ("#if('1' == 1)a#end", "a"),
        ("#if($x < 1)a#{else}b#end", "b"),
        ("#if('a' < 'b')a#{else}b#end", "b"),
        ("#if((true || false) && false)a#{else}b#end", "b"),
        ("#if(true || false && false)a#end", "a"),
        ("#endless #elsewhere #iffy", "#endless #elsewhere #iffy"),
    ]
)
def test_conditions_choose_as_in_velocity(template: str, expected: str) -> None:
    assert text(template) == expected


@check(
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("7.0 / 2", "3.5"),
        ("1.5 + 1.5", "3.0"),
        ("10000000.0 * 1", "1.0E7"),
        ("1.0 / 1000000", "1.0E-6"),
        ("123456789.5 + 0", "1.234567895E8"),
        ("'a' + 1", "a1"),
        ("1 + 'a' + $no", "1a$no"),
        ("2147483647 + 1", "2147483648"),
        ("'raw $input.body'", "raw $input.body"),
        ("\"v: $input.params('page')\"", "v: 2"),
        ('"#if(true)yes#end"', "yes"),
        ('"a\\nb"', "a\\nb"),
        ('"say \\"hi\\""', 'say \\"hi\\"'),
        ("[1, 'a', [true]]", "[1, a, [true]]"),
        ("[1..3]", "[1, 2, 3]"),
        ("[3..1]", "[3, 2, 1]"),
        ("[]", "[]"),
        ("{}", "{}"),
        ('{"a": 1, "b": [2]}', "{a=1, b=[2]}"),
        ("1 == 1", "true"),
    ]
)
def test_expressions_have_the_values_they_have_in_java(template: str, expected: str) -> None:
    assert text(f"#set($v = {template})$v") == expected


@check(
    [
        ("#set($v = 1)#set($v = $no)$v", "1"),
        ("#set($v = 1)#set($v = $v + $no)$v", "1"),
        ("#set($v = 1)#set($v = 1 / 0)$v", "1"),
        ("#set($m = {})#set($m.a = 1)$m #set($m['b'] = 2)$m", "{a=1}{a=1, b=2}"),
        ("#set($l = [1])#set($l[0] = 2)$l", "[2]"),
        ("#set($l = [])#set($t = $l.add(1))$l$t", "[1]true"),
        ("#set($m = {})$!m.put('a', 1)$m $m.put('a', 2) $m.put('b', 3)", "{a=1} 1 $m.put('b', 3)"),
        ("#set($no.a = 1)ok", "ok"),
    ]
)
def test_set_changes_variables_maps_and_lists_but_never_to_null(
    template: str, expected: str
) -> None:
    assert text(template) == expected


@check(
    [
        ("#foreach($i in ['a','b'])$foreach.index$foreach.count$i#end", "01a12b"),
        ("#foreach($i in [1..3])$i#if($foreach.hasNext),#end#end", "1,2,3"),
        ("#foreach($i in [1..3])#if($foreach.first)<#end$i#if($foreach.last)>#end#end", "<123>"),
        ("#foreach($i in [5..6])$velocityCount#end$velocityCount", "12$velocityCount"),
        ("#foreach($i in {'a':1,'b':2})$i#end", "12"),
        (
            "#foreach($i in [1..2])#foreach($j in [1..2])$foreach.parent.count$j #end#end",
            "11 12 21 22 ",
        ),
        ("#foreach($i in [1..9])#if($i == 3)#break#end$i#end", "12"),
        ("#foreach($i in [1..2])#foreach($j in [1..2])$j#break($foreach.parent)#end#end!", "1!"),
        ("#set($i = 'x')#foreach($i in [1])$i#end$i", "1x"),
        ("#foreach($i in $no)a#end#foreach($i in 5)a#end", ""),
        ("a#stop b", "a"),
        ("#foreach($i in [1..2])a#stop#end", "a"),
    ]
)
def test_loops_count_and_end_as_in_velocity(template: str, expected: str) -> None:
    assert text(template) == expected


def test_a_loop_ends_after_a_thousand_rounds() -> None:
    assert text("#foreach($i in [1..5000])x#end") == "x" * 1000


@check(
    [
        ("#macro(hi $n)Hi $n!#end#hi('Ann')#hi(\"Bo\")", "Hi Ann!Hi Bo!"),
        ("#hi(1)#macro(hi $n)<$n>#end", "<1>"),
        ("#macro(two $a $b)${a}-$b|#end#two(1 2)#two(1, 2)#two(1)", "1-2|1-2|1-$b|"),
        ("#macro(p $a)$a#end#p($no.x)", "$no.x"),
        ("#set($l=[])#macro(t $a)$!a$!a#end#t($l.add(1))$l.size()", "truetrue2"),
        ("#macro(wrap)<$bodyContent>#end#@wrap()in#end", "<in>"),
        ("#define($d)v=$v#end#set($v=1)$d #set($v=2)$d", "v=1v=2"),
        ("#unknown($no)", "#unknown($no)"),
        ("#see (the manual)", "#see (the manual)"),
    ]
)
def test_macros_and_blocks_are_evaluated_where_they_are_used(template: str, expected: str) -> None:
    assert text(template) == expected


@check(
    [
        ("$input.path('$.name')", "Ann"),
        ("$input.path('$.big') $input.path('$.price')", "12345678901234567890123 1.10"),
        ("$input.path('$.lines[1].sku')$input.path('$.lines[-1].n')", "y2"),
        ("$input.path('$').lines[0].sku", "x"),
        ("$input.path('$.lines')", '[{"sku":"x","n":1},{"sku":"y","n":2}]'),
        ("$input.path('$.deep')", '{sku=z, list=[{"k":"v"}]}'),
        ("$input.path('$.none')|$!input.path('$.no')", "$input.path('$.none')|"),
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
        ("<$input.json('$.no')>", "<>"),
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
        ("a=1", "$input.json('$')$input.json('$.a')", '"a=1"'),
        ("[1.0, 1e5, -0, 10E-400]", "$input.json('$')", "[1.0,1e5,-0,10E-400]"),
        ('{"a": "é\\u2028\\/"}', "$input.json('$')", '{"a":"é\u2028/"}'),
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
            "prod prod $stageVariables.no",
        ),
        ("$context.requestId $context.identity.sourceIp", "r-1 10.0.0.1"),
        ("<$context.no><$context.identity.no.more>", "<><>"),
        ("#if($context.no)a#{else}b#end", "b"),
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


@check(
    [
        ("$s.replaceAll('[aeiou]', '*')", "H*ll* W*rld"),
        ("$s.replaceAll('(\\w+) (\\w+)', '$2 $1')", "World Hello"),
        ("$s.replaceAll('l', '\\$')", "He$$o Wor$d"),
        ("$s.replaceAll('o', '$0$0')", "Helloo Woorld"),
        ("$s.replaceAll('(?<first>l)', '<${first}>')", "He<l><l>o Wor<l>d"),
        ("$s.replaceFirst('l+', 'L')", "HeLo World"),
        ("$s.replaceAll('\\p{Upper}', '_')", "_ello _orld"),
        ("$s.replaceAll('\\Qo W\\E', '+')", "Hell+orld"),
        ("$s.replace('l', '.')", "He..o Wor.d"),
        ("$s.substring(6) $s.substring(0, 4)", "World Hell"),
        ("$s.split(' ')[1] $s.split('l').size()", "World 4"),
        ("$s.contains('World') $s.startsWith('He') $s.endsWith('x')", "true true false"),
        ("$s.indexOf('o') $s.lastIndexOf('o') $s.indexOf('z') $s.indexOf('o', 5)", "4 7 -1 7"),
        ("$s.toLowerCase() $s.toUpperCase() $s.length()", "hello world HELLO WORLD 11"),
        ("$s.isEmpty() $s.empty $s.equals('x') $s.equals(1)", "false false false false"),
        (
            "$s.equalsIgnoreCase('hello world') $s.matches('Hello.*') $s.matches('ell')",
            "true true false",
        ),
        ("$s.concat('!') $s.charAt(4) $s.toString()", "Hello World! o Hello World"),
        (
            "$s.getClass() $s.class $s.__class__ $s.format('x')",
            "$s.getClass() $s.class Hello World.__class__ $s.format('x')",
        ),
        ("$s.length('x') $s.substring('x')", "$s.length('x') $s.substring('x')"),
    ]
)
def test_strings_have_the_methods_of_java(template: str, expected: str) -> None:
    assert text("#set($s = 'Hello World')" + template) == expected


@check(
    [
        ("$l.size() $l.get(1) $l[2] $l[-1] $l.contains(2) $l.indexOf(3)", "3 2 3 3 true 2"),
        ("$l.remove(0) $l $l.addAll([8,9]) $l $l.isEmpty()", "1 [2, 3] true [2, 3, 8, 9] false"),
        ("$l.set(0, 'x') $l $l.toString().length()", "1 [x, 2, 3] 9"),
        ("$m.keySet() $m.values() $m.size() $m.isEmpty()", "[a, b] [1, x] 2 false"),
        ("$m.get('a') $m.a $m['b'] $m.getOrDefault('z', 0)", "1 1 x 0"),
        ("$m.containsKey('a') $m.containsValue('x') $m.remove('a') $m", "true true 1 {b=x}"),
        (
            "#foreach($e in $m.entrySet())$e.key:$e.getValue() $e.getKey():$e.value;#end",
            "a:1 a:1;b:x b:x;",
        ),
        ("$!m.putAll({'c': 3})$m", "{a=1, b=x, c=3}"),
        ("#set($n = 3)$n.intValue() $n.toString().length() $n.parseInt('12')", "3 1 12"),
    ]
)
def test_lists_maps_and_numbers_have_the_methods_of_java(template: str, expected: str) -> None:
    assert text("#set($l = [1,2,3])#set($m = {'a':1,'b':'x'})" + template) == expected


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
    assert text(template, request) == "2.50 {a=[1,2.50]}"


def test_java_counts_an_emoji_as_two_characters() -> None:
    request = Request(body="a😀b")
    assert text("$input.body.length() $input.body.indexOf('b')", request) == "4 3"
    assert text("$input.body.substring(1, 3)", request) == "😀"


@pytest.mark.parametrize(
    ("template", "line", "column", "word"),
    [
        ("a\n#if(true)", 2, 1, "never closed"),
        ("a\n  #end", 2, 3, "#end"),
        ("#foreach($x of [1])#end", 1, 13, "in"),
        ("#if($a = 1)#end", 1, 8, "=="),
        ("\r\n\r\n#set($x = )", 3, 11, "value"),
        ("#set($x = 5-3)", 1, 12, "#set"),
        ("#set($x = $y.f(1 + 2))", 1, 18, ","),
        ("${x", 1, 4, "}"),
        ("$x[", 1, 4, "value"),
        ("#set($x = 'abc)", 1, 11, "never closed"),
        ('#set($x = "a $y.f(")', 1, 19, "value"),
        ("#* a", 1, 1, "never closed"),
        ("#[[ a", 1, 1, "never closed"),
        ("#parse('x')", 1, 1, "#parse"),
        ("#set($x = [1)", 1, 13, "]"),
        ("#if(true)#else #else #end", 1, 16, "#else"),
        ("#foreach($x in [1])#else#end", 1, 20, "#if"),
        ("x $input.path('$.id').parseInt('x')", 1, 22, "whole number"),
        ("#set($s = 'abc')\n$s.substring(9)", 2, 3, "length is 3"),
        ("#set($l = [1])$l[4]", 1, 17, "no item 4"),
        ("#set($s = 'abc')$s.replaceAll('(', '')", 1, 19, "regular expression"),
        ("#set($s = 'abc')$s.replaceAll('{', '')", 1, 19, "regular expression"),
        ("#set($s = 'abc')$s.replaceAll('b', '$1')", 1, 19, "group"),
        ("#set($s = 'abc')$s.matches('(a+)+x')", 1, 19, "repeat"),
        ("$util.parseJson('{')", 1, 6, "JSON"),
        ("$util.urlDecode('%zz')", 1, 6, "%"),
        ("$input.json('$[')", 1, 7, "JSON path"),
        ("#set($context.responseOverride.status = 'x')", 1, 1, "status"),
    ],
)
def test_an_error_names_its_place(template: str, line: int, column: int, word: str) -> None:
    with pytest.raises(VelocityError) as caught:
        render(template, REQUEST)
    error = caught.value
    assert (error.line, error.column) == (line, column), error.message
    assert word in error.message
    assert str(error) == f"line {line}, column {column}: {error.message}"


@pytest.mark.parametrize(
    "template",
    [
        "#macro(r)#r()#end#r()",
        "#define($d)$d#end$d",
        "#set($s='ab')#foreach($i in [1..99])#set($s=\"$s$s\")#end",
        "#set($s='ab')#foreach($i in [1..99])#set($s=$s + $s)#end",
        "#set($s='ab')#foreach($i in [1..99])#set($s=$s.replaceAll('a', $s))#end",
        "#set($n=9)#foreach($i in [1..99])#set($n=$n * $n)#end",
        "#set($l=[1])#foreach($i in [1..99])#set($t=$l.addAll($l))#end",
        "#set($l=[1])#foreach($i in [1..99])#set($l=[$l,$l])#end$l",
        "#set($l=[])#set($t=$l.add($l))$l",
        "#set($r=[1..1000])#foreach($a in $r)#foreach($b in $r)#foreach($c in $r)x#end#end#end",
        "#set($r=[1..99999999])",
        "#set($a=[1])#set($b=[1])#foreach($i in [1..99])#set($a=[$a,$a])#set($b=[$b,$b])#end"
        "#if($a == $b)x#end",
        "#set($a=[1])#set($b=[1])#foreach($i in [1..99])#set($a=[$a,$a])#set($b=[$b,$b])#end"
        "$a.equals($b)",
        "#set($l=[1..90000])#foreach($i in [1..999])#foreach($j in [1..999])$l.contains(0)#end#end",
        "#set($x = " + "(" * 500 + "1" + ")" * 500 + ")",
        "#if(true)" * 500 + "#end" * 500,
        "#set($s = $input.body.replaceAll('.*.*.*.*.*x', ''))",
    ],
)
def test_a_runaway_template_is_stopped(template: str) -> None:
    with pytest.raises(VelocityError):
        render(template, Request(body="a" * 5000))


@pytest.mark.parametrize("body", ["[" * 100_000, "[" * 3000 + "]" * 3000])
def test_a_body_nested_too_deep_is_an_error(body: str) -> None:
    with pytest.raises(VelocityError):
        render("$input.json('$')$input.json('$')", Request(body=body))


PIECES = st.sampled_from(
    [
        "'",
        '"',
        "\\",
        "\\'",
        "$context.requestId",
        "#set($x=1)",
        "😀",
        "\u2028",
        "\x00",
        "\x1f",
        "/",
        "\n",
        "$",
        "#",
        "${x}",
        "\\\\'",
        "\x7f",
        "\ufffe",
    ]
)
BODIES = st.lists(st.one_of(PIECES, st.text(max_size=5))).map("".join).filter(bool)


@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_every_body_reaches_the_execution_as_it_was_sent(body: str) -> None:
    context = {"extendedRequestId": "Abc_d-e=", "requestId": "secret"}
    rendered = render(mapping.request_template(BODY_TRIGGER), Request(body=body, context=context))
    call = json.loads(rendered.text)
    assert call["input"] == body
    assert call["name"] == "abcdefgh-Abc_d-e"


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_what_is_encoded_decodes_again(body: str) -> None:
    request = Request(body="-" + body)
    assert unquote_plus(text("$util.urlEncode($input.body)", request)) == request.body
    encoded = text("$util.base64Encode($input.body)", request)
    assert base64.b64decode(encoded).decode() == request.body
    assert text("$util.urlDecode($util.urlEncode($input.body))", request) == request.body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_json_of_the_whole_body_is_the_same_json(value: object) -> None:
    assert json.loads(text("$input.json('$')", Request(body=json.dumps(value)))) == value


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "#if",
                "#end",
                "#else",
                "(",
                ")",
                "$x",
                "$",
                "{",
                "}",
                "[",
                "]",
                ".a",
                '"',
                "'",
                "\\",
                "#set($x = ",
                "1",
                "..",
                ",",
                "#",
                "*",
                " ",
                "\n",
                "#foreach($x in ",
                "true",
                "!=",
            ]
        )
    ).map("".join)
)
def test_any_text_renders_or_is_an_error_with_a_place(template: str) -> None:
    try:
        render(template, REQUEST)
    except VelocityError as error:
        assert error.line >= 1
        assert error.column >= 1


def test_the_error_template_finds_type_and_message() -> None:
    body = json.dumps({"__type": "com.amazon#StateMachineDoesNotExist", "Message": 'It\'s "gone"'})
    answer = json.loads(
        text(mapping.error_template(), Request(body=body, context={"extendedRequestId": "x="}))
    )
    assert answer == {
        "error": "StateMachineDoesNotExist",
        "message": 'It\'s "gone"',
        "requestId": "x",
    }


@pytest.mark.parametrize("mode", ["EXECUTION", "FIXED", "EMPTY"])
def test_the_response_templates_render(mode: str) -> None:
    trigger = BODY_TRIGGER.model_copy(
        update={"response_mode": mode, "response_body": '{"price": "$5 #set($x=1)"}'}
    )
    body = '{"executionArn": "arn:x", "startDate": 1.7E9}'
    request = Request(body=body, context={"extendedRequestId": "x="})
    answer = text(mapping.response_template(trigger), request)
    if mode == "EXECUTION":
        assert answer == '{"executionArn":"arn:x","startDate":1.7E9,"requestId":"x"}'
    elif mode == "FIXED":
        assert json.loads(answer) == {"price": "$5 #set($x=1)"}
    else:
        assert answer == ""


def test_a_large_body_arrives_whole() -> None:
    body = json.dumps({"items": [{"id": n, "name": f"Bjørn's {n}"} for n in range(3000)]})
    request = Request(body=body, context={"extendedRequestId": "x="})
    assert len(body) > 100_000
    assert json.loads(render(mapping.request_template(BODY_TRIGGER), request).text)["input"] == body


def test_the_evaluator_never_reaches_for_python_attributes() -> None:
    folder = Path(__file__).parent.parent / "infra" / "velocity"
    for file in folder.glob("*.py"):
        assert "getattr(" not in file.read_text(encoding="utf-8"), file.name
