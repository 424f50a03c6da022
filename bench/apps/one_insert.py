"""A pixel as one would write it first: a row of its own for each hit, written before the answer."""

import uuid

import azure.functions as func

from bench.apps.constant_gif import GIF, HEADERS
from shared.service import now_ms, service

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="o/{file}", methods=["GET", "HEAD"])
async def open_pixel(req: func.HttpRequest) -> func.HttpResponse:
    contoso = service().organizations.get("contoso")
    assert contoso
    row = {
        "PartitionKey": "single",
        "RowKey": uuid.uuid4().hex,
        "at": str(now_ms()),
        "agent": req.headers.get("user-agent", ""),
    }
    await contoso.tables.insert("ingest", row)
    return func.HttpResponse(GIF, mimetype="image/gif", headers=HEADERS)
