"""The product's own pixel without the folding beside it: what taking a hit in costs by itself."""

import azure.functions as func

from shared.tracking.functions import record_open

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="o/{file}", methods=["GET", "HEAD"])
async def open_pixel(req: func.HttpRequest) -> func.HttpResponse:
    return await record_open(req)
