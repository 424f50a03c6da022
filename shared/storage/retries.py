"""How often the blob and queue libraries ask again by themselves."""

ONE_QUICK_RETRY = {
    "retry_total": 1,
    "initial_backoff": 0,
    "increment_base": 1,
    "random_jitter_range": 0,
}
"""Once, after a second. The libraries' own pause is 15 s and more, longer than a caller waits for
its 503; whatever takes longer is tried again by the caller, or by the queue."""
