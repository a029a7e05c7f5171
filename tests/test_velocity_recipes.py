"""Templates of the kinds found in the wild do what their writers count on.

Their expected results are those of Velocity 1.7 itself, set up as API Gateway has it.
"""

import json

import pytest

from infra.velocity import Request, render

ALL_PARAMETERS = """\
#set($all = $input.params())
{
"body" : $input.json('$'),
"params" : {
#foreach($kind in $all.keySet())
    #set($some = $all.get($kind))
"$kind" : {
    #foreach($name in $some.keySet())
    "$name" : "$util.escapeJavaScript($some.get($name))"
        #if($foreach.hasNext),#end
    #end
}
    #if($foreach.hasNext),#end
#end
},
"context" : { "key" : "$context.identity.apiKey", "ip" : "$context.identity.sourceIp",
  "user" : "$context.authorizer.claims['cognito:username']", "stage" : "$stageVariables.env" }
}
"""
FORM = """\
{#foreach($pair in $input.path('$').split('&'))
#set($parts = $pair.split('='))
#set($value = "")
#if($parts.size() > 1)#set($value = $util.urlDecode($parts[1]))#end
"$util.urlDecode($parts[0])": "$util.escapeJavaScript($value).replaceAll("\\\\'", "'")"\
#if($foreach.hasNext),#end
#end}"""
QUOTED_FORM = """\
#set($data = "")
#foreach($token in $input.path('$').split('&'))
#set($pair = $token.split('='))
#set($data = "${data}\\""$pair[0]\\"":\\""$pair[1]\\""#if($foreach.hasNext),#end")
#end
{"input": "{$data}"}"""
PLACEHOLDERS = """\
#set($text = '')
#set($withHeaders = true)
#set($all = $input.params())
{
    "stateMachineArn": "arn:x",
    #set($text = "$text,@@body@@: $input.body")
    #if ($withHeaders)
        #set($text = "$text, @@header@@:{")
        #foreach($name in $all.header.keySet())
            #set($text = "$text @@$name@@: @@$util.escapeJavaScript($all.header.get($name))@@")
            #if($foreach.hasNext)
                #set($text = "$text,")
            #end
        #end
        #set($text = "$text }")
    #end
    #set($text = "$text}")
    #set($text = $text.replaceAll("@@",'"'))
    #set($length = $text.length() - 1)
    "input": "{$util.escapeJavaScript($text.substring(1,$length)).replaceAll("\\\\'","'")}"
}
"""
LOOP_OF_A_MAP = """\
#define( $loop )
{
#foreach($key in $map.keySet())
  "$util.escapeJavaScript($key)": "$util.escapeJavaScript($map.get($key))"
  #if( $foreach.hasNext ) , #end
#end
}
#end
{
#set( $map = $input.params().header )
"headers": $loop,
#set( $map = $input.params().querystring )
"query": $loop
}
"""
PHOTOS = """\
#set($root = $input.path('$'))
{"photos": [
#foreach($photo in $root.photos.photo)
  { "id": "$photo.id", "title": "$photo.title", "public": $photo.public, "at": $photo.geo[0] }\
#if($foreach.hasNext),#end
#end
]}
"""


def text(template: str, request: Request) -> str:
    return render(template, request).text


def test_all_parameters_pass_through_with_the_body() -> None:
    request = Request(
        body='{"n": 1}',
        path={"id": "7"},
        query={"q": "a/b"},
        headers={"Accept": "*/*"},
        context={
            "identity": {"sourceIp": "192.0.2.1"},
            "authorizer": {"claims": {"cognito:username": "ann"}},
        },
        stage_variables={"env": "prod"},
    )
    assert json.loads(text(ALL_PARAMETERS, request)) == {
        "body": {"n": 1},
        "params": {"path": {"id": "7"}, "querystring": {"q": "a/b"}, "header": {"Accept": "*/*"}},
        "context": {"key": "", "ip": "192.0.2.1", "user": "ann", "stage": "prod"},
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("From=%2B1555&Body=it%27s+on%0A&Empty=", {"From": "+1555", "Body": "it's on\n"}),
        ("token=x", {"token": "x"}),
        ("text=a%22b%5C&text2=%C3%A9", {"text": 'a"b\\', "text2": "é"}),
    ],
)
def test_a_form_becomes_json(body: str, expected: dict[str, str]) -> None:
    made = json.loads(text(FORM, Request(body=body)))
    assert {name: value for name, value in made.items() if value} == expected


def test_doubled_quotes_build_json_in_a_string() -> None:
    made = json.loads(text(QUOTED_FORM, Request(body="a=1&b=2")))
    assert json.loads(made["input"]) == {"a": "1", "b": "2"}


def test_placeholders_become_quotes_in_the_input_of_an_execution() -> None:
    headers = {"X-Path": "a b", "Accept": "*/*"}
    made = json.loads(text(PLACEHOLDERS, Request(body='{"n":"it\'s"}', headers=headers)))
    assert json.loads(made["input"]) == {"body": {"n": "it's"}, "header": headers}


def test_one_block_prints_several_maps() -> None:
    request = Request(headers={"A": "1", "B": "x"}, query={"q": "v"})
    assert json.loads(text(LOOP_OF_A_MAP, request)) == {
        "headers": {"A": "1", "B": "x"},
        "query": {"q": "v"},
    }


def test_a_list_of_maps_is_written_anew() -> None:
    photos = [
        {"id": "1", "title": "Bath", "public": True, "geo": [1.5]},
        {"id": "2", "title": "Sun", "public": False, "geo": [2]},
    ]
    body = json.dumps({"photos": {"photo": photos}})
    assert json.loads(text(PHOTOS, Request(body=body))) == {
        "photos": [
            {"id": "1", "title": "Bath", "public": True, "at": 1.5},
            {"id": "2", "title": "Sun", "public": False, "at": 2},
        ]
    }


@pytest.mark.parametrize(
    ("template", "body", "expected"),
    [
        (
            "Action=SendMessage&MessageBody=$util.urlEncode($input.body)",
            '{"a": "b c"}',
            "Action=SendMessage&MessageBody=%7B%22a%22%3A+%22b+c%22%7D",
        ),
        (
            '{"Data": "$util.base64Encode($input.json(\'$.a\'))"}',
            '{"a": {"b": 1}}',
            '{"Data": "eyJiIjoxfQ=="}',
        ),
        (
            "#foreach($i in $input.path('$.Items'))$i.id.S#if($foreach.hasNext), #end#end",
            '{"Items": [{"id": {"S": "x"}}, {"id": {"S": "y"}}]}',
            "x, y",
        ),
        (
            "#set($m = $input.path('$.errorMessage'))"
            '#if($m.toString().contains("not found"))404#{else}200#end',
            '{"errorMessage": "Order not found"}',
            "404",
        ),
        (
            "#set($b = $util.urlDecode($input.body))$b.substring(8)",
            "payload=%7B%22a%22%3A1%7D",
            '{"a":1}',
        ),
        ("#if($input.path('$').toString().contains('id='))yes#end", '{"id": 1}', "yes"),
        ("#if(\"$!input.path('$.next')\" != '')next#{else}last#end", "{}", "last"),
        ("$input.path('$.a')#set($n = $input.path('$.a').size() - 1) $n", '{"a": []}', "[] -1"),
        ("$input.body.replaceAll('\"', '')", '{"a":"b"}', "{a:b}"),
        ("$input.params('no').isEmpty()|$input.params().header.get('no')|", "", "true||"),
        ("$input.path('$.urls') $input.json('$.urls')", '{"urls": ["a/b"]}', '["a\\/b"] ["a/b"]'),
    ],
)
def test_small_recipes_give_what_api_gateway_gives(template: str, body: str, expected: str) -> None:
    assert text(template, Request(body=body)) == expected
