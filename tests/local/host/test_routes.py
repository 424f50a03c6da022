import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.routes import Route, Routes, ambiguities, read_template


def routes_of(*templates: str, methods: frozenset[str] | None = None) -> Routes[str]:
    return Routes([Route(text, read_template(text), methods, text) for text in templates])


def found(routes: Routes[str], path: str, method: str = "GET") -> tuple[str, dict[str, str]] | None:
    answer = routes.find(method, path)
    return (answer[0].target, answer[1]) if answer else None


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("", "/", {}),
        ("api/health", "/api/health", {}),
        ("api/health", "/API/Health/", {}),
        ("o/{token}.gif", "/o/AbC.d.gif", {"token": "AbC.d"}),
        ("o/{token}.gif", "/o/AbC.GIF", {"token": "AbC"}),
        ("a/{token}/{name}", "/A/T/My File.pdf", {"token": "T", "name": "My File.pdf"}),
        ("files/{name}.{ending}", "/files/a.tar.gz", {"name": "a.tar", "ending": "gz"}),
        ("static/{*rest}", "/static/css/site.css", {"rest": "css/site.css"}),
        ("static/{*rest}", "/static", {}),
        ("page/{number:int}", "/page/12", {"number": "12"}),
        ("page/{number=1}", "/page", {"number": "1"}),
        ("page/{number?}", "/page", {}),
        ("page/{number?}", "/page/3", {"number": "3"}),
        (
            "x/{id:guid}",
            "/x/11111111-1111-1111-1111-111111111111",
            {"id": "11111111-1111-1111-1111-111111111111"},
        ),
        ("x/{code:regex(^[a-z]+$)}", "/x/abc", {"code": "abc"}),
        ("x/{code:length(2,3)}", "/x/abc", {"code": "abc"}),
        ("x/{n:range(1,5)}", "/x/5", {"n": "5"}),
        ("x/{n:min(3):max(4)}", "/x/4", {"n": "4"}),
    ],
)
def test_a_template_takes_its_paths(template: str, path: str, parameters: dict[str, str]) -> None:
    assert found(routes_of(template), path) == (template, parameters)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("api/health", "/api/health/x"),
        ("api/health", "/api//health"),
        ("api/health", "/api/health//"),
        ("o/{token}.gif", "/o/.gif"),
        ("o/{token}.gif", "/o/a.gifx"),
        ("o/{token}.gif", "/o/a/b.gif"),
        ("a/{token}/{name}", "/a/t"),
        ("a/{token}/{name}", "/a//n"),
        ("page/{number:int}", "/page/x"),
        ("page/{number:int}", "/page/99999999999"),
        ("page/{number:int}", "/page/١"),
        ("x/{code:length(2,3)}", "/x/abcd"),
        ("x/{code:alpha}", "/x/ab1"),
        ("x/{n:range(1,5)}", "/x/6"),
        ("x/{id:guid}", "/x/1"),
        ("static/{*rest}", "/statics"),
    ],
)
def test_a_template_leaves_other_paths(template: str, path: str) -> None:
    assert found(routes_of(template), path) is None


def test_the_more_literal_route_wins_in_whatever_order_they_come() -> None:
    templates = ["{*rest}", "people/{name}", "people/me", "people/{id:int}", "people/{name}.vcf"]
    expected = {
        "/people/me": "people/me",
        "/people/7": "people/{id:int}",
        "/people/ana": "people/{name}",
        "/people/ana.vcf": "people/{name}.vcf",
        "/elsewhere": "{*rest}",
        "/people/a/b": "{*rest}",
    }
    for order in (templates, templates[::-1]):
        routes = routes_of(*order)
        assert {path: found(routes, path)[0] for path in expected} == expected  # type: ignore[index]


def test_a_wrong_method_is_no_match_and_another_route_may_take_it() -> None:
    routes = Routes(
        [
            Route("read", read_template("x/me"), frozenset({"GET"}), "read"),
            Route("write", read_template("x/{name}"), frozenset({"POST"}), "write"),
        ]
    )
    assert found(routes, "/x/me", "GET") == ("read", {})
    assert found(routes, "/x/me", "POST") == ("write", {"name": "me"})
    assert found(routes, "/x/me", "DELETE") is None


@pytest.mark.parametrize(
    "template",
    [
        "a/{",
        "a/}b",
        "a/{x:nonsense}",
        "a/{x}{y}",
        "{*rest}/a",
        "a/{x?}/b",
        "a/{x:range(1)}",
        "a//b",
        "a/{}",
    ],
)
def test_a_template_that_cannot_be_served_is_refused_with_its_text(template: str) -> None:
    with pytest.raises(ValueError, match="route"):
        read_template(template)


def overlapping(*named: tuple[str, str]) -> list[tuple[str, str]]:
    routes = [Route(name, read_template(text), None, "") for name, text in named]
    return [(one.name, other.name) for one, other in ambiguities(routes)]


def test_routes_that_azure_would_try_in_another_order_are_found() -> None:
    assert overlapping(("zebra", "people/me"), ("ape", "people/{name}")) == [("zebra", "ape")]
    assert overlapping(("ape", "people/me"), ("zebra", "people/{name}")) == []
    assert overlapping(("z", "o/{token}.gif"), ("a", "o/{token}")) == [("z", "a")]
    assert overlapping(("z", "api/{x}/b"), ("a", "api/a/{y}")) == []
    assert overlapping(("z", "api/a/b"), ("a", "api/{*rest}")) == [("z", "a")]
    assert overlapping(("z", "people/me"), ("a", "people/{id:int}")) == []
    assert overlapping(("z", "people/7"), ("a", "people/{id:int}")) == [("z", "a")]
    assert overlapping(("z", "a/b"), ("a", "c/{x}"), ("b", "a/{x}/y")) == []


@given(st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1))
def test_a_parameter_takes_any_segment_as_it_is(segment: str) -> None:
    assert found(routes_of("x/{name}/y"), f"/x/{segment}/y") == ("x/{name}/y", {"name": segment})
