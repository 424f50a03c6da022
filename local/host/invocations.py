"""Calls a function as the Python worker does: `async def` in the loop, `def` in a thread."""

import asyncio
import inspect
import logging
import threading
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import azure.functions as func

from local.host.functions import Function

logger = logging.getLogger("local.host")

Invoke = Callable[[Any], Awaitable[Any]]
"""Takes what triggered the function, returns what the function returns."""

_thread_local = threading.local()


class InvocationContext(func.Context):
    """The `context` parameter, for the functions that declare it."""

    def __init__(self, function: Function) -> None:
        self._name = function.name
        self._directory = str(Path(inspect.getfile(function.call)).parent)
        self._invocation_id = str(uuid.uuid4())

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        return _thread_local

    @property
    def function_name(self) -> str:
        return self._name

    @property
    def function_directory(self) -> str:
        return self._directory

    @property
    def trace_context(self) -> Any:
        return None

    @property
    def retry_context(self) -> Any:
        return None


def make_invoke(function: Function, threads: Executor) -> Invoke:
    """What calls that function, chosen once so that a request pays for no decision."""
    call, parameter = function.call, function.parameter
    if function.takes_context:
        without_context = call

        def call(**arguments: Any) -> Any:
            return without_context(**arguments, context=InvocationContext(function))

    if inspect.iscoroutinefunction(function.call):

        def in_the_loop(argument: Any) -> Awaitable[Any]:
            awaitable: Awaitable[Any] = call(**{parameter: argument})
            return awaitable

        return in_the_loop

    async def in_a_thread(argument: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, lambda: call(**{parameter: argument}))

    return in_a_thread


def forbid_result(result: Any) -> None:
    """A function without an output must return None: the worker fails it otherwise."""
    if result is not None:
        raise RuntimeError("a function without a $return binding returned a value")
