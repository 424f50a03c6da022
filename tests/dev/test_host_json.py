"""host.json says what the code relies on."""

import json
from typing import Any

from function_app import app
from tests.dev.machine import ROOT
from tests.infra.used import timers


def host() -> Any:
    return json.loads((ROOT / "host.json").read_text(encoding="utf-8"))


def test_addresses_begin_without_a_prefix_because_recipients_see_them() -> None:
    assert host()["extensions"]["http"]["routePrefix"] == ""


def test_queue_messages_are_plain_text() -> None:
    assert host()["extensions"]["queues"]["messageEncoding"] == "none"


def test_a_queue_message_is_tried_again_before_it_is_given_up() -> None:
    queues = host()["extensions"]["queues"]

    assert queues["maxDequeueCount"] >= 5
    assert queues["visibilityTimeout"] == "00:00:30"


def test_samples_never_leave_out_an_exception_or_a_line_of_the_log_for_alerts_look_for_those() -> (
    None
):
    sampling = host()["logging"]["applicationInsights"]["samplingSettings"]

    assert sampling["excludedTypes"] == "Exception;Trace"


def test_what_functions_log_is_kept_from_warnings_on_and_where_a_way_is_followed_from_info_on() -> (
    None
):
    levels = host()["logging"]["logLevel"]
    functions = {each.get_function_name() for each in app.get_functions()}
    told = {name.split(".")[1] for name in levels if name.startswith("Function.")}

    assert levels["Function"] == "Warning"
    assert told <= functions
    followed = {"messages", "deliver_message", "settle_file", "fold_hits", "hear_from_graph"}
    assert timers() | followed == told
