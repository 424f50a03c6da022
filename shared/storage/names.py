"""Every table, container and queue the code uses, so that whoever provisions them has one list."""

TABLES = (
    *("messages", "feeds", "schedule", "ingest", "records", "lookups", "settings", "keys"),
    *("aggregates", "sellers", "subscriptions", "cards"),
)
"""Tables of each organization's storage account."""

CONTAINERS = ("content",)
"""Blob containers of each organization's storage account."""

HOST_CONTAINERS = ("overflow",)
"""Blob containers of the host's storage account."""

DELIVER_QUEUE = "deliver"
FOLD_QUEUE = "fold"
UPLOAD_QUEUE = "upload"
REPLIES_QUEUE = "replies"
QUEUES = (DELIVER_QUEUE, FOLD_QUEUE, UPLOAD_QUEUE, REPLIES_QUEUE)
"""Work queues in the host's storage account; each has a `-poison` twin that the host fills."""
