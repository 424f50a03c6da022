"""The messages between the real host and the Python worker, without protobuf.

The worker library is handed its message classes, and only builds, reads and compares them. These
look the same to it.
"""

from types import SimpleNamespace
from typing import Any


class Message(SimpleNamespace):
    """A message: the fields it was built with."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)


class OneOf(Message):
    """A message of which one field is set: TypedData, ParameterBinding."""

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802
        """Protobuf's name for "which field is set"."""
        return next((name for name in vars(self) if name != "name"), None)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class StatusResult(Message):
    Failure = 0
    Success = 1
    Cancelled = 2


class BindingInfo(Message):
    # Directions, then data types: numbers as in FunctionRpc.proto.
    inout = 2
    out = 1
    undefined = 0


class SameSite(Message):
    Lax, Strict, ExplicitNone = 1, 2, 3


setattr(SameSite, "None", 0)


class RpcHttpCookie(Message):
    SameSite = SameSite


class Protos:
    """Stands in for the module of generated classes."""

    StatusResult = StatusResult
    BindingInfo = BindingInfo
    RpcHttpCookie = RpcHttpCookie
    TypedData = OneOf
    ParameterBinding = OneOf
    Timestamp = Message

    def __getattr__(self, name: str) -> type[Message]:
        return Message


def http_request(method: str, url: str, **more: Any) -> OneOf:
    """TypedData of a request, as the real host fills it in; a request without a body has none."""
    body = more.get("body", "").encode("latin-1")
    return OneOf(
        http=Message(
            method=method,
            url=url,
            headers=more.get("headers", {}),
            params=more.get("params", {}),
            query=more.get("query", {}),
            body=OneOf(bytes=body) if body else OneOf(),
        )
    )
