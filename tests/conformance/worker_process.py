"""Runs Azure's Python worker library over one app: commands come as JSON lines, answers go back.

    python -m tests.conformance.worker_process DIRECTORY

A process of its own, because the library and the app are both made to be loaded once.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import azure_functions_runtime as worker

from tests.conformance.messages import Message, OneOf, Protos, StatusResult, http_request


async def main(directory: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the app prints must not get between the answers
    sys.path.insert(0, directory)
    print(json.dumps(await index(directory)), file=answers, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await invoke(**json.loads(line))), file=answers, flush=True)


async def index(directory: str) -> dict[str, Any]:
    """Start the worker and let it index the app, as at the start of an instance."""
    initialized = await worker.worker_init_request(
        _request(
            worker_init_request=Message(capabilities={}, function_app_directory=directory),
        )
    )
    if error := _error_of(initialized):
        return {"error": error}
    told = await worker.functions_metadata_request(_request())
    functions = told.function_metadata_results
    if functions is None:
        return {"error": f"there is no function_app.py in {directory}"}
    for function in functions:
        loaded = await worker.function_load_request(
            _request(function_load_request=Message(function_id=function.function_id))
        )
        if error := _error_of(loaded):
            return {"error": error}
    return {"functions": [_describe(function) for function in functions]}


def _describe(function: Message) -> dict[str, Any]:
    return {
        "name": function.name,
        "id": function.function_id,
        "bindings": [json.loads(binding) for binding in function.raw_bindings],
        "directions": {name: info.direction for name, info in function.bindings.items()},
    }


async def invoke(
    function_id: str, parameter: str, data: Mapping[str, Any], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """Invoke a function with what triggers it: {"http": …}, {"json": …} or {"string": …}."""
    typed = http_request(**data["http"]) if "http" in data else OneOf(**data)
    answer = await worker.invocation_request(
        _request(
            invocation_request=Message(
                invocation_id="invocation-1",
                function_id=function_id,
                input_data=[OneOf(name=parameter, data=typed)],
                trigger_metadata={name: OneOf(**value) for name, value in metadata.items()},
                trace_context=Message(trace_parent="", trace_state="", attributes={}),
                retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
            )
        )
    )
    if error := _error_of(answer):
        return {"error": error}
    return {"returned": _plain(answer.return_value)}


def _request(**request: Message) -> Message:
    properties = {"host": "127.0.0.1", "protos": Protos()}
    return Message(request=Message(**request), properties=properties)


def _error_of(response: Message) -> str | None:
    if response.result.status == StatusResult.Success:
        return None
    return f"{response.result.exception.message}\n{response.result.exception.stack_trace}"


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return {name: _plain(each) for name, each in vars(value).items()}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
