"""The same GIF with the same headers for every address, and nothing else."""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
HEADERS = {
    "Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "Pragma": "no-cache",
    "Expires": "0",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@app.route(route="o/{file}", methods=["GET", "HEAD"])
async def constant_gif(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(GIF, mimetype="image/gif", headers=HEADERS)
