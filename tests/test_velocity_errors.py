"""A template that is wrong, or that runs away, is stopped by an error in words."""

import pytest

from infra.velocity import Request, VelocityError, render

REQUEST = Request(body='{"id": 7, "text": "long enough for a regex to run away"}')


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
        ("a $", 1, 3, "lone $"),
        ('#set($x = "a ""b"" $y.f(")', 1, 25, "value"),
        ('#set($s = "a")#set($x = "a ""b"" $s.substring(5)")', 1, 36, "length is 1"),
        ('#set($x = "\\u00zz")', 1, 11, "hexadecimal"),
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
        ("#set($s = $input.body)$s.matches('(a+)+x')", 1, 25, "repeat"),
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
        "$input.body.replaceAll('(a?){30}a{30}', '')",
        "$input.body.replaceAll('(a|aa)+$', '')",
    ],
)
def test_a_runaway_template_is_stopped(template: str) -> None:
    with pytest.raises(VelocityError):
        render(template, Request(body="a" * 5000))


@pytest.mark.parametrize("body", ["[" * 100_000, "[" * 3000 + "]" * 3000])
def test_a_body_nested_too_deep_is_an_error(body: str) -> None:
    with pytest.raises(VelocityError):
        render("$input.json('$')$input.json('$')", Request(body=body))
