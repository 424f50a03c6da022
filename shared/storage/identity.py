"""The deployment's managed identity, for storage. Its library is loaded in a thread, once.

Loading `azure.identity` takes longer than a recipient should wait; the hit that comes first is kept
by the journal meanwhile.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

_credential: Any = None
_loading: asyncio.Lock | None = None


async def credential() -> Any:
    """The one asynchronous credential of this process."""
    global _credential, _loading
    _loading = _loading or asyncio.Lock()
    async with _loading:
        if _credential is None:
            module = await asyncio.to_thread(importlib.import_module, "azure.identity.aio")
            _credential = module.DefaultAzureCredential()
    return _credential
