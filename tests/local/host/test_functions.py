"""What cannot be served is refused at start, by name."""

from typing import Any

import azure.functions as func
import pytest

from local.host.functions import (
    AppError,
    HttpTrigger,
    QueueTrigger,
    TimerTrigger,
    fill_in_settings,
    read_function,
    read_queue_settings,
    read_time_span,
)

SETTINGS = {
    "AzureWebJobsStorage": "the host's",
    "AzureWebJobsOther": "another",
    "EVERY": "0 * * * * *",
}


def read(app: func.FunctionApp, prefix: str = "") -> Any:
    [function] = app.get_functions()
    return read_function(function, prefix, SETTINGS)


def new_app(level: func.AuthLevel = func.AuthLevel.ANONYMOUS) -> func.FunctionApp:
    return func.FunctionApp(http_auth_level=level)


def test_an_http_trigger_has_its_route_with_the_prefix_and_its_methods() -> None:
    app = new_app()

    @app.route(route="o/{token}.gif", methods=[func.HttpMethod.GET, func.HttpMethod.HEAD])
    async def pixel(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    trigger = read(app, "api").trigger
    assert trigger == HttpTrigger("api/o/{token}.gif", frozenset({"GET", "HEAD"}))


def test_a_route_without_methods_takes_all_and_without_a_path_is_the_functions_name() -> None:
    app = new_app()

    @app.route()
    async def everything(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    assert read(app).trigger == HttpTrigger("everything", None)


def test_a_queue_trigger_finds_its_connection_as_azure_does() -> None:
    app = new_app()

    @app.queue_trigger(arg_name="message", queue_name="deliver", connection="Other")
    async def deliver(message: func.QueueMessage) -> None: ...

    assert read(app).trigger == QueueTrigger("deliver", "another")


def test_a_timer_trigger_has_its_settings_filled_in() -> None:
    app = new_app()

    @app.timer_trigger(arg_name="timer", schedule="%EVERY%", run_on_startup=True)
    async def sweep(timer: func.TimerRequest) -> None: ...

    assert read(app).trigger == TimerTrigger("0 * * * * *", run_on_startup=True, use_monitor=True)


@pytest.mark.parametrize("level", [func.AuthLevel.FUNCTION, func.AuthLevel.ADMIN])
def test_function_keys_are_refused_with_the_reason(level: func.AuthLevel) -> None:
    app = new_app(level)

    @app.route(route="x")
    async def secret(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    with pytest.raises(AppError, match=r"function secret: its authLevel is .* function keys"):
        read(app)


def test_a_missing_setting_is_named() -> None:
    app = new_app()

    @app.timer_trigger(arg_name="timer", schedule="%NEVER_SET%")
    async def sweep(timer: func.TimerRequest) -> None: ...

    with pytest.raises(AppError, match=r"function sweep: the setting NEVER_SET of .* is missing"):
        read(app)


def test_a_missing_connection_is_named() -> None:
    app = new_app()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="Nowhere")
    async def deliver(message: func.QueueMessage) -> None: ...

    with pytest.raises(AppError, match="function deliver: its connection Nowhere is not set"):
        read(app)


def test_other_triggers_and_output_bindings_are_refused() -> None:
    blobs, outputs = new_app(), new_app()

    @blobs.blob_trigger(arg_name="blob", path="x/{name}", connection="AzureWebJobsStorage")
    async def see(blob: func.InputStream) -> None: ...

    @outputs.route(route="x")
    @outputs.queue_output(arg_name="out", queue_name="q", connection="AzureWebJobsStorage")
    async def put(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse:
        return func.HttpResponse()

    with pytest.raises(AppError, match="function see has blobTrigger"):
        read(blobs)
    with pytest.raises(AppError, match="function put has queue:"):
        read(outputs)


def test_parameters_without_a_binding_and_bindings_without_a_parameter_are_refused() -> None:
    unbound, misnamed = new_app(), new_app()

    @unbound.route(route="x")
    async def more(req: func.HttpRequest, storage: str) -> func.HttpResponse:
        return func.HttpResponse()

    @misnamed.queue_trigger(arg_name="msg", queue_name="q", connection="AzureWebJobsStorage")
    async def other(message: func.QueueMessage) -> None: ...

    with pytest.raises(
        AppError, match=r"function more has parameters without a binding: .'storage'"
    ):
        read(unbound)
    with pytest.raises(AppError, match="function other has no parameter 'msg'"):
        read(misnamed)


def test_settings_are_filled_in_wherever_they_stand() -> None:
    assert fill_in_settings("a-%X%-%Y%", {"X": "1", "Y": "2"}) == "a-1-2"
    assert fill_in_settings("100%", {}) == "100%"


def test_queue_settings_are_host_jsons_or_azures_defaults() -> None:
    defaults = read_queue_settings({})
    assert (defaults.batch_size, defaults.new_batch_threshold) == (16, 8)
    assert (defaults.max_dequeue_count, defaults.base64) == (5, True)
    ours = read_queue_settings(
        {
            "batchSize": 4,
            "maxDequeueCount": 8,
            "visibilityTimeout": "00:00:30",
            "maxPollingInterval": "00:00:02",
            "messageEncoding": "none",
        }
    )
    assert (ours.batch_size, ours.new_batch_threshold, ours.max_dequeue_count) == (4, 2, 8)
    assert (ours.visibility_timeout, ours.max_polling_interval, ours.base64) == (30, 2, False)


def test_time_spans_are_dotnets() -> None:
    assert read_time_span("00:00:02.500") == 2.5
    assert read_time_span("1.02:03:04") == 93784
    with pytest.raises(AppError, match="'30'"):
        read_time_span("30")
