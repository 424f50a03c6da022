"""The post office of the tests of sending: what is answered was sent before."""

from tests.sending.conftest import graph, http, office, shared_contoso, shared_storage

__all__ = ["graph", "http", "office", "shared_contoso", "shared_storage"]
