"""The evaluator of mapping templates behaves as Velocity 1.7 does in API Gateway."""

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
        ("", ""),
        ("plain {text} 5$ # 100% a\\b", "plain {text} 5$ # 100% a\\b"),
        ("$ ", "$ "),
        ("$! ", "$! "),
        ("${", "${"),
        ("$5.00", "$5.00"),
        ("#1 #ff0000 # ", "#1 #ff0000 # "),
        ("<$x>", "<>"),
        ("<$!x>", "<>"),
        ("<${x}>", "<>"),
        ("<$!{x}>", "<>"),
        ("<$x.y.z(1, 'a')[0]>", "<>"),
        ("<$!x.y()>", "<>"),
        ("$x.", "."),
        ("<$util>", "<>"),
        ("US$$foreach.index", "US$"),
        ("a$#if(true)b#end", "ab"),
        ("#set($a='v')$a.", "v."),
        ("#set($a='v')${a}b", "vb"),
        ("#set($a-b='v')$a-b", "v"),
        ("#set($a='v')<$a.nope>", "<>"),
        ("#set($a='v')<$a.nope()>", "<>"),
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
        ("\\$x", "$x"),
        ("\\\\$x", "\\"),
        ("#set($x=1)\\$!x \\${x}", "$!x ${x}"),
        ("\\$!x", "$!x"),
        ("$\\!x", "$!x"),
        ("#set($x = 2)\\#set($x = 1)", "#set(2 = 1)"),
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
        ("#if($x)a#{else}b#end", "a"),
        ("#if(!$x)a#{else}b#end", "b"),
        ("#if($x == '')a#{else}b#end", "a"),
        ("#if($x == $null)a#{else}b#end", "a"),
        ("#if($x && $x != '')a#{else}b#end", "b"),
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
        ("1 + 'a' + $no", "1a"),
        ("2147483647 + 1", "2147483648"),
        ("'raw $input.body'", "raw $input.body"),
        ("\"v: $input.params('page')\"", "v: 2"),
        ('"#if(true)yes#end"', "yes"),
        ('"a\\nb"', "a\\nb"),
        ('"say ""hi"" $no.x(""a"")"', 'say "hi" '),
        ("'it''s'", "it's"),
        ('"\\u00e9"', "é"),
        ("'\\u00e9'", "\\u00e9"),
        ('"\\"', "\\"),
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
        ("#set($v = 1)#set($v = $no)<$v>", "<>"),
        ("#set($v = 1)#set($v = $v - $no)$v", "1"),
        ("#set($v = 1)#set($v = 1 / 0)$v", "1"),
        ("#set($m = {})#set($m.a = 1)$m #set($m['b'] = 2)$m", "{a=1}{a=1, b=2}"),
        ("#set($l = [1])#set($l[0] = 2)$l", "[2]"),
        ("#set($l = [])#set($t = $l.add(1))$l$t", "[1]true"),
        ("#set($m = {})$!m.put('a', 1)$m $m.put('a', 2) $m.put('b', 3)", "{a=1} 1 "),
        ("#set($no.a = 1)ok", "ok"),
    ]
)
def test_set_changes_variables_maps_and_lists(template: str, expected: str) -> None:
    assert text(template) == expected


@check(
    [
        ("#foreach($i in ['a','b'])$foreach.index$foreach.count$i#end", "01a12b"),
        ("#foreach($i in [1..3])$i#if($foreach.hasNext),#end#end", "1,2,3"),
        ("#foreach($i in [1..3])#if($foreach.first)<#end$i#if($foreach.last)>#end#end", "<123>"),
        ("#foreach($i in [5..6])$velocityCount#end$velocityCount", "12"),
        ("#foreach($i in [5..6])$i#if($velocityHasNext),#end#end", "5,6"),
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
        ("#macro(two $a $b)${a}-$b|#end#two(1 2)#two(1, 2)#two(1)", "1-2|1-2|1-|"),
        ("#macro(p $a)<$a>#end#p($no.x)", "<>"),
        ("#set($l=[])#macro(t $a)$!a$!a#end#t($l.add(1))$l.size()", "truetrue2"),
        ("#macro(wrap)<$bodyContent>#end#@wrap()in#end", "<in>"),
        ("#define($d)v=$v#end#set($v=1)$d #set($v=2)$d", "v=1v=2"),
        ("#unknown($no) #evaluate('a')", "#unknown($no) #evaluate('a')"),
        ("#see (the manual)", "#see (the manual)"),
    ]
)
def test_macros_and_blocks_are_evaluated_where_they_are_used(template: str, expected: str) -> None:
    assert text(template) == expected


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
            "  Hello World.__class__ ",
        ),
        ("$s.length('x') $s.substring('x')", " "),
        ("$s.hashCode() $s.compareTo('Help') $s.lastIndexOf('o', 6)", "-862545276 -4 4"),
        ("$s.repeat(2) $s.isBlank()", "Hello WorldHello World false"),
    ]
)
def test_strings_have_the_methods_of_java(template: str, expected: str) -> None:
    assert text("#set($s = 'Hello World')" + template) == expected


@check(
    [
        ("$l.size() $l.get(1) $l[2] $l[-1] $l.contains(2) $l.indexOf(3)", "3 2 3 3 true 2"),
        ("$l.remove(0) $l $l.addAll([8,9]) $l $l.isEmpty()", "1 [2, 3] true [2, 3, 8, 9] false"),
        ("$l.set(0, 'x') $l $l.toString().length()", "1 [x, 2, 3] 9"),
        ("$l.removeAll([2]) $l $l.containsAll([1]) $l.lastIndexOf(3)", "true [1, 3] true 1"),
        ("$l.hashCode() $m.hashCode() $l.get(0).hashCode()", "30817 122 1"),
        ("$m.putIfAbsent('a', 2) $m.replace('a', 3) $m", "1 1 {a=3, b=x}"),
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
