"""The function app: every trigger there is, by room. Nothing else happens here.

tracking        o/ r/ a/ i/ (pixel, redirect, attachment, image) · …/events · queue fold · timer
attachments     …/uploads · …/attachments/{attachment} · queue upload
sending         …/messages · …/follow-check · queue deliver · timer
messages        …/messages/{id} · …/send · …/cancel · …/retry
replies         api/graph/notifications · queue replies · timer
records         …/records/{type}/{id}
timing          …/delivery-time
sellers         …/sellers/{address}
assistant       …/cards · …/cards/{id}/snooze · dismiss · undo
access          …/keys · …/keys/{id}
administration  …/settings · health
pages           what sellers see: messages, cards
"""

import azure.functions as func

from shared.access.functions import blueprint as access
from shared.administration.functions import blueprint as administration
from shared.assistant.functions import blueprint as assistant
from shared.attachments.functions import blueprint as attachments
from shared.messages.functions import blueprint as messages
from shared.pages.functions import blueprint as pages
from shared.records.functions import blueprint as records
from shared.replies.functions import blueprint as replies
from shared.sellers.functions import blueprint as sellers
from shared.sending.functions import blueprint as sending
from shared.timing.functions import blueprint as timing
from shared.tracking.functions import blueprint as tracking

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for room in (
    *(tracking, attachments, sending, replies, messages, records, sellers),
    *(timing, assistant, access, administration, pages),
):
    app.register_functions(room)
