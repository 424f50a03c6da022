"""The host answers as the real one does, also where that surprises."""

import json
import socket
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.web import LARGEST_BODY, LONGEST_URL, read_path, read_query, write_url
from tests.local.host.running_host import RunningHost


def echoed(
    host: RunningHost, target: str, headers: list[tuple[str, str]] | None = None
) -> dict[str, Any]:
    """What the app was given for exactly that request target (httpx would tidy it up)."""
    answer = raw(
        host, f"GET {target} HTTP/1.1", [("Host", f"localhost:{host.port}"), *(headers or [])]
    )
    told: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return told


def raw(host: RunningHost, line: str, headers: list[tuple[str, str]]) -> bytes:
    with socket.create_connection(("127.0.0.1", host.port), timeout=10) as connection:
        lines = [
            line,
            *(f"{name}: {value}" for name, value in headers),
            "Connection: close",
            "",
            "",
        ]
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def test_the_host_is_reached_by_number_and_by_name(host: RunningHost) -> None:
    for name in ("127.0.0.1", "localhost"):
        assert httpx.get(f"http://{name}:{host.port}/o/x.gif").status_code == 200


def test_a_function_gets_its_request_as_from_the_real_worker(host: RunningHost) -> None:
    told = echoed(host, "/eCHO/One/Two/Three?A=1", [("X-Some", "Thing"), ("Accept", "*/*")])
    assert told == {
        "method": "GET",
        "url": f"http://localhost:{host.port}/eCHO/One/Two/Three?A=1",
        "headers": {
            "host": f"localhost:{host.port}",
            "x-some": "Thing",
            "accept": "*/*",
            "connection": "close",
        },
        "params": {"A": "1"},
        "route": {"first": "One", "rest": "Two/Three"},
        "body": "",
    }


def test_repeated_headers_are_joined_by_a_comma(host: RunningHost) -> None:
    told = echoed(host, "/echo/x", [("X-Forwarded-For", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2")])
    assert told["headers"]["x-forwarded-for"] == "1.1.1.1,2.2.2.2"


def test_repeated_query_values_are_joined_by_a_comma_and_empty_ones_dropped(
    host: RunningHost,
) -> None:
    told = echoed(host, "/echo/x?a=1&b=&c&A=2&d=x+y%2Bz&a=")
    assert told["params"] == {"a": "1,2,", "d": "x y+z"}


def test_route_parameters_are_decoded_but_an_escaped_slash_stays(host: RunningHost) -> None:
    told = echoed(host, "/echo/a%20b%C3%A7%2Fd/x")
    assert told["route"] == {"first": "a bç%2Fd", "rest": "x"}
    assert told["url"].endswith("/echo/a%20b%C3%A7%2Fd/x")


def test_escapes_that_are_no_utf8_stay_as_they_are(host: RunningHost) -> None:
    told = echoed(host, "/echo/%FF?u=https%3A%2F%2Fexample.com%2F%FFx")
    assert told["route"] == {"first": "%FF"}
    assert told["params"] == {"u": "https://example.com/%FFx"}


def test_a_body_arrives_whole_also_in_chunks(host: RunningHost) -> None:
    assert host.client.post("/echo/x", content=b"\x00\xff").json()["body"] == "\x00\xff"
    pieces = (b"x" * 70_000 for _ in range(3))
    assert host.client.post("/size", content=pieces).text == "210000"


def test_a_method_that_the_route_does_not_list_is_404(host: RunningHost) -> None:
    assert host.client.post("/o/x.gif").status_code == 404
    assert host.client.delete("/people/ana").status_code == 204
    assert host.client.put("/people/ana").status_code == 404


def test_the_more_literal_route_wins(host: RunningHost) -> None:
    told = [host.client.get(f"/people/{name}").text for name in ("me", "7", "ana", "Me/")]
    assert told == ["me", "number 7", "name ana", "me"]


def test_head_answers_without_a_body_where_the_route_lists_it(host: RunningHost) -> None:
    answer = host.client.head("/o/x.gif")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "image/gif"
    assert host.client.head("/people/me").status_code == 404


@pytest.mark.parametrize("what", ["nothing", "number", "error", "wrong-header"])
def test_a_function_that_fails_is_an_empty_500_and_a_traceback_in_the_log(
    host: RunningHost, what: str
) -> None:
    answer = host.client.get(f"/returns/{what}")
    assert (answer.status_code, answer.content) == (500, b"")
    assert "Function returns failed" in host.log
    assert "a secret" not in answer.text


def test_a_traceback_is_logged(host: RunningHost) -> None:
    host.client.get("/returns/error")
    assert "RuntimeError: a secret of the app" in host.log


def test_text_alone_is_a_plain_answer(host: RunningHost) -> None:
    answer = host.client.get("/returns/text")
    assert (answer.status_code, answer.text) == (200, "só texto")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_response_keeps_its_charset_and_names_it_for_text(host: RunningHost) -> None:
    answer = host.client.get("/returns/latin")
    assert answer.headers["content-type"] == "text/html; charset=latin-1"
    assert answer.content == "não".encode("latin-1")


def test_of_several_headers_of_one_name_the_last_wins(host: RunningHost) -> None:
    answer = host.client.get("/returns/same-named")
    assert answer.status_code == 202
    assert answer.headers.get_list("x-kind") == ["last"]


def test_every_cookie_is_set(host: RunningHost) -> None:
    cookies = host.client.get("/returns/cookies").headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["a", "b"]
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]
    host.client.cookies.clear()


def test_a_def_function_runs_in_a_thread_and_gets_its_context(host: RunningHost) -> None:
    assert host.client.get("/blocking").text == "function_0 blocking"


def test_an_address_of_4096_bytes_is_too_long(host: RunningHost) -> None:
    address = "/echo/".ljust(LONGEST_URL - 1, "a")
    assert host.client.get(address).status_code == 200
    assert host.client.get(address + "a").status_code == 414
    assert host.client.get("/echo/a?b=".ljust(LONGEST_URL + 1, "a")).status_code == 414


def test_a_body_above_100_megabytes_is_refused_before_it_is_read(host: RunningHost) -> None:
    length = [("Host", "x"), ("Content-Length", str(LARGEST_BODY + 1))]
    assert raw(host, "POST /size HTTP/1.1", length).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_above_100_megabytes_is_refused(host: RunningHost) -> None:
    pieces = (bytes(2**20) for _ in range(LARGEST_BODY // 2**20 + 1))
    assert host.client.post("/size", content=pieces).status_code == 413


def test_broken_requests_are_400(host: RunningHost) -> None:
    assert raw(host, "GARBAGE", []).startswith(b"HTTP/1.1 400 ")
    assert raw(host, "GET /echo/%00 HTTP/1.1", [("Host", "x")]).startswith(b"HTTP/1.1 400 ")


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_query_value_is_what_was_escaped(value: str) -> None:
    query = str(httpx.QueryParams({"u": value})).encode()
    assert read_query(query) == {"u": value}


@given(st.text(st.characters(codec="utf-8", exclude_characters="%")))
def test_an_escaped_path_is_read_and_written_again(text: str) -> None:
    path = "/" + text
    escaped = write_url("http", "h", b"%", path, b"").removeprefix("http://h").encode()
    assert read_path(escaped) == path
