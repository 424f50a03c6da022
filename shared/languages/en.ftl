### Sentences for people, in English. The same ids and values in every language.
### Values with "who" are lists of addresses; "who-count" is how many there are.

## Why a message is not followed

follow-engagement-off = Email engagement is turned off in your organization. An administrator can turn it on in the settings.
follow-no-followable-recipient = To follow this message, add at least one account, contact or lead to To or Cc.
follow-other-record-types = { $who-count ->
    [one] { $who } is not an account, contact or lead. Remove this recipient to follow the message.
   *[other] { $who } are not accounts, contacts or leads. Remove these recipients to follow the message.
}
follow-no-record = { $who-count ->
    [one] We have no record for { $who }. Choose or create one to follow the message.
   *[other] We have no records for { $who }. Choose or create them to follow the message.
}
follow-recipient-opted-out = { $who-count ->
    [one] { $who } is set to “do not follow”.
   *[other] { $who } are set to “do not follow”.
}
follow-seller-chose-not = You chose not to follow this message.
follow-text-only = Only formatted (HTML) messages can be followed, and this one is plain text.
follow-bulk = A message to more than { $limit } recipients is not followed. Send it to fewer people at a time.

## What recipients may see

altered-link-title = This link was changed on its way
altered-link-text = Your mail program or a security filter changed the link, so we cannot be sure where it leads. We have not sent you anywhere.
altered-link-go = Go to the address the sender wrote: { $address }
altered-link-unknown = Please open the link from the original message, or ask the sender for the address.
withdrawn-link-title = This link no longer works
withdrawn-link-text = The sender's service has withdrawn it. Please ask the sender for a new one.

## What happened to a message

event-open = Opened
event-click = Link clicked
event-attachment-view = Attachment viewed
event-reply = Replied
event-image = Image loaded
event-auto-reply = Automatic reply
event-bounce = Could not be delivered
event-withdrawn = Attachment taken back
event-data-removed = Personal data removed
event-inferred = Opened, as a later click or reply shows

## Who caused an event, and how we know

by-person = A person
by-machine = Automated
verdict-head-request = A program checked the address without loading it.
verdict-prefetch = It was loaded ahead, before anybody asked for it.
verdict-no-agent = The program did not say what it is. Browsers and mail programs do.
verdict-program = A program fetched it, not a browser or a mail program.
verdict-headless = It was loaded in a browser that runs without a screen.
verdict-crawler = A search engine, a monitor or another robot fetched it.
verdict-link-preview = A chat or social app fetched it to show a preview of the link.
verdict-security-scanner = A security scanner checked it.
verdict-gmail-prefetch = Gmail loaded it ahead, before the message was opened.
verdict-apple-privacy = Apple Mail Privacy Protection loaded it. Nobody can tell whether the message was opened.
verdict-before-delivery = It happened before the message was delivered, so a scanner did it.
verdict-seconds-after-delivery = It happened within seconds of delivery.
verdict-partial-request = Only a part was asked for, as scanners do.
verdict-image-proxy = The mail service loaded the images for the person reading, so device and place are not known.

## Where a message is

status-draft = Draft
status-accepted = Accepted
status-scheduled = Scheduled
status-sending = Being sent
status-sent = Sent
status-partly-sent = Partly sent
status-failed = Not sent
status-cancelled = Cancelled

## Why a message was not sent

failure-mailbox-unknown = There is no mailbox { $address }. Check the sender's address.
failure-mailbox-out-of-scope = The mailbox { $address } is not in the scope of the app. Ask your administrator to add it.
failure-recipient-refused = { $who-count ->
    [one] The mail server refused the recipient { $who }. Check the address and send again.
   *[other] The mail server refused the recipients { $who }. Check the addresses and send again.
}
failure-message-too-large = The message is too large for the mail server. Remove or shrink attachments and images, then send again.
failure-may-have-been-sent = The connection broke while sending, and the message may have been sent. Look in Sent Items before you send it again.
failure-cannot-follow = The message can no longer be followed, and you asked to send it only if it can. Nothing was sent.
failure-graph-unavailable = Microsoft 365 did not answer for a long time, so we stopped trying. Nothing was sent. Please try again.
failure-unexpected = Something went wrong on our side, and the message was not sent. Please try again. If it happens again, tell your administrator.
