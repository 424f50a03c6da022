"""The function app: every trigger there is, by room. Nothing else happens here.

tracking        o/ r/ i/ (pixel, redirect, image) · …/events · queue fold · timer
sending         …/messages · …/follow-check · queue deliver · timer
records         …/records/{type}/{id}
administration  …/settings · health
pages           what sellers see
"""

import azure.functions as func

from shared.administration.functions import blueprint as administration
from shared.pages.functions import blueprint as pages
from shared.records.functions import blueprint as records
from shared.sending.functions import blueprint as sending
from shared.tracking.functions import blueprint as tracking

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for room in (tracking, sending, records, administration, pages):
    app.register_functions(room)
