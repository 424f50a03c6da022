"""An app with the room of replies alone, for the local host to serve."""

import azure.functions as func

from shared.replies.functions import blueprint

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(blueprint)
