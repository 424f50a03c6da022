"""host.json says what the code relies on."""

import json
from typing import Any

from tests.dev.machine import ROOT


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


def test_samples_of_the_log_never_leave_out_an_exception() -> None:
    sampling = host()["logging"]["applicationInsights"]["samplingSettings"]

    assert sampling["excludedTypes"] == "Exception"
