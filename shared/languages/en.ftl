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
warning-address-bounced = The last message to { $who } could not be delivered. Check the address before you write again.

## Why there is no recommended time

delivery-time-no-recipient = Choose a recipient to see the recommended time.
delivery-time-several-recipients = A time can be recommended for one recipient only, and this message has several.
delivery-time-no-time-zone = We do not know the recipient's time zone. Give their record a time zone, a complete address or a phone number with its country code.

## What recipients may see

altered-link-title = This link was changed on its way
altered-link-text = Your mail program or a security filter changed the link, so we cannot be sure where it leads. We have not sent you anywhere.
altered-link-go = Go to the address the sender wrote
altered-link-unknown = Please open the link from the original message, or ask the sender for the address.
withdrawn-link-title = This link no longer works
withdrawn-link-text = The sender's service has withdrawn it. Please ask the sender for a new one.
unknown-link-title = This link is not complete
unknown-link-text = A part of it is missing or was changed on its way. Please open it from the original message.
gone-file-title = This file is no longer shared
gone-file-text = The link has expired, or the sender has taken the file back. Please ask the sender for it.
unavailable-file-title = The file cannot be opened right now
unavailable-file-text = Please try again in a minute.

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
event-returns-on = Back on { $date }.

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
verdict-own-open = It came from one of your organization's own networks.
verdict-burst = Several links were followed within seconds, as scanners do.
verdict-same-scanner = The program that opened it followed the links within seconds, as scanners do.
verdict-fetched-again = Somebody from another network had followed the same link seconds before: it is counted once.
verdict-seconds-after-delivery = It happened within seconds of delivery.
verdict-second-link = Another link was followed within seconds.
verdict-partial-request = Only a part was asked for, as scanners do.
verdict-image-proxy = The mail service loaded the images for the person reading, so device and place are not known.
verdict-automatic-answer = A program answered for them, as while somebody is away.
verdict-delivery-report = A mail server reported that it could not deliver the message.

## Where a message is

status-draft = Draft
status-accepted = Accepted
status-scheduled = Scheduled
status-sending = Being sent
status-sent = Sent
status-partly-sent = Partly sent
status-failed = Not sent
status-cancelled = Cancelled
scheduled-for = Will be sent:

## Why a message was not sent

failure-mailbox-unknown = There is no mailbox { $address }, or there is none any more. Check the sender's address, or let a manager give the message to another seller; then try again.
failure-mailbox-out-of-scope = The mailbox { $address } is not in the scope of the app. Ask your administrator to add it.
failure-mailbox-full = The mailbox { $address } is full. Make room there, then try again. Nothing was sent.
failure-sending-blocked = Microsoft 365 does not let { $address } send: a limit is reached, or the account is blocked. Ask your administrator to look at it, then try again. Nothing was sent.
failure-recipient-refused = { $who-count ->
    [one] The mail server refused the recipient { $who }. Check the address and send again.
   *[other] The mail server refused the recipients { $who }. Check the addresses and send again.
}
failure-message-too-large = The message is too large for the mail server. Remove or shrink attachments and images, then send again.
failure-may-have-been-sent = The connection broke while sending, and the message may have been sent. Look in Sent Items before you send it again.
failure-cannot-follow = The message can no longer be followed, and you asked to send it only if it can. Nothing was sent.
failure-attachments-too-large = The message can no longer be followed, and its files are too large to travel in it (more than { $limit }). Nothing was sent. Remove files, or share them in another way.
failure-drive-unknown = { $address } has no OneDrive, or it cannot be found. Ask your administrator for a license, or for another place for followed files.
failure-drive-full = The OneDrive of { $address } is full. Make room there, then try again. Nothing was sent.
failure-drive-out-of-scope = The app may not write to the OneDrive of { $address }. Ask your administrator to allow it. Nothing was sent.
failure-file-refused = OneDrive does not take the file { $name }. Rename it or attach it without following. Nothing was sent.
failure-file-lost = A file of this message is not in storage any more. Attach it again and send the message anew. Nothing was sent.
failure-content-lost = The text of this message is not in storage any more. Write the message anew. Nothing was sent.
failure-conversation-not-found = The mail that this message should answer is not in the mailbox { $address }. Nothing was sent. Send it as a new message.
failure-graph-unavailable = Microsoft 365 did not answer for a long time, so we stopped trying. Nothing was sent. Please try again.
failure-graph-refused = Microsoft 365 refused the message ({ $code }). Nothing was sent. Try again; if it happens again, tell your administrator this code.
failure-some-not-sent = { $count ->
    [one] One of the copies was not sent; the recipient is named below.
   *[other] { $count } of the copies were not sent; the recipients are named below.
}
failure-unexpected = Something went wrong on our side, and the message was not sent. Please try again. If it happens again, tell your administrator.

## Pages: what stands around them

product = Email engagement
skip-to-content = Skip to the content
sign-out = Sign out
trail = You are here
pager = More pages
newest = Newest
older = Older
to-the-start = Back to the start
further = Next
times-in-utc = Times are in UTC.
times-in = Times are those of { $name } ({ $zone }).
in-all = in all
not-followed = Not followed
no-subject = (no subject)
approximation = These numbers are what was seen, an approximation of what people did: mail programs may block images or keep them, and scanners open messages and links, too.
engagement-is-off = Email engagement is turned off, so nothing is collected and nothing is shown here. What was collected before is kept, and comes back when an administrator turns it on again.

## The list of messages

messages-title = Followed messages
messages-title-all = All messages
column-subject = Subject
column-recipients = Recipients
column-sent = Sent
column-status = Status
column-opens = Opens
column-openers = People who opened
column-first-opened = First opened
column-last-opened = Last opened
column-attachment-views = Attachment views
column-link-clicks = Link clicks
column-replies = Replies
filter-search = Subject or recipient
filter-status = Status
filter-any-status = Any
filter-followed = Messages
filter-followed-only = Followed
filter-followed-all = All
filter-period = Period
filter-period-7 = Last 7 days
filter-period-30 = Last 30 days
filter-period-90 = Last 90 days
filter-period-365 = Last 365 days
filter-period-all = Any time
filter-order = Order
filter-apply = Show
filter-clear = Clear filters
older-than-period = Show older messages
empty-title = No followed messages yet
empty-title-all = No messages yet
empty-text = Send one from your CRM or through the API. It appears here at once, and then its opens, link clicks and replies.
empty-show-all = Show messages that are not followed, too
empty-filtered-title = No message matches
empty-filtered-text = Change what you look for, choose a longer period, or clear the filters.
empty-here-title = No messages here
empty-so-far-title = Nothing found so far
empty-so-far-text = There are older messages that have not been looked through yet. Go on with “Older”.
too-many-title = Too many messages to search or sort
too-many-text = There are more than 10,000 messages in this period. Choose a shorter one.

## The page of a message

kpis-title = In numbers
not-yet = Not yet
not-by-people = Not by a person
with-automated = Counting automated ones:
failure-title = This message was not sent
send-now = Send now
cancel-sending = Cancel sending
said-too-late = Nothing was changed: its sending had begun, or it had ended.
said-not-like-this = It cannot be sent like this now. Look at its sender, recipients and files, change it and try again.
try-again = Try again
give-to = Give it to another seller (their address)
give = Give
said-no-seller = Nothing was changed: this is no mailbox of your organization that may send. Choose another address.
said-given = It now belongs to { $seller }.
said-given-failed = It now belongs to { $seller }, who can try to send it again.
not-followed-title = This message is not followed
timeline-title = Timeline
timeline-choices = Which events to show
timeline-include = Everything
timeline-exclude = People only
timeline-only = Automated only
timeline-one-copy = All recipients got the same copy, so it is not known which of them it was.
timeline-empty = Nothing has been seen yet. When somebody opens the message or clicks a link, it shows here.
timeline-empty-here = Nothing more here.
timeline-empty-not-followed = Nothing is collected, because the message is not followed.
timeline-empty-not-sent = The message has not been sent yet.
timeline-empty-failed = The message was not sent, so nobody can have opened it.
timeline-empty-draft = This is a draft; nothing has been sent yet.
timeline-empty-cancelled = The message was cancelled and never sent.
timeline-empty-people = Nothing by a person has been seen yet.
timeline-empty-automated = Nothing automated has been seen.
device-desktop = on a computer
device-phone = on a phone
device-tablet = on a tablet
people-title = People
details-title = Details
detail-from = From
detail-seller = Seller
detail-to = To
detail-cc = Copy (Cc)
detail-bcc = Blind copy (Bcc)
detail-regarding = Regarding
detail-accepted = Accepted
detail-scheduled = To be sent
detail-scheduled-local = { $time }, time zone { $zone }
time-of-recipient = { $time } for the recipient ({ $zone })
detail-sent = Sent
detail-reminder = Reminder
reminder-fired = Reminded you
reminder-no-reply-by = if nobody has replied by then
reminder-not-opened-by = if nobody has opened it by then
reminder-anyway = in any case
reminder-replied = None: somebody replied.
reminder-opened = None: somebody opened the message.
reminder-failed = None: the message was not sent.
reminder-cancelled = None: the sending was cancelled.
reminder-not-followed = None: the message is not followed.
reminder-not-collected = None: engagement was off for a while, and nobody can tell what happened then.
reminder-engagement-off = None: engagement is off.
reminder-assistant-off = None: the assistant was off.
files-title = Attachments
file-not-followed = Attached, not followed
file-to-follow = Will be followed
file-waiting = On its way to OneDrive
file-stored = In OneDrive
file-until = Can be opened until { $day }
file-leaving = Taken back
file-gone = Taken back
file-refused = Could not be stored in OneDrive
links-title = Links in the message
link-too-long = Not followed: the address is too long.
link-opt-out = Not followed: the message says so.

## The assistant's cards

cards-title = Assistant
cards-notify = Notify me in this browser
cards-none-title = Nothing new
cards-none-text = When somebody opens what you sent, when a reminder is due or a message could not be sent, it is told here.
card-opened = Opened
card-reminder-due = Reminder
card-failed = Not sent
card-bounced = Could not be delivered
card-clicked = Link clicked
card-attachment-viewed = Attachment viewed
card-replied = Replied
card-opened-again = Opened again
card-urgent = Important
# What is said of a new card, aloud or as a notification.
card-said = { $what }: { $subject } ({ $who })
card-snooze-hour = Snooze for an hour
card-snooze-day = Snooze for a day
card-dismiss = Dismiss
card-put-away = The card was put away.
card-undo = Undo

## When a page cannot be shown

problem-403-title = You have no access here
problem-403-text = You are signed in, but nobody has given you a role in this service. Ask your administrator for one, or sign out and sign in as somebody else.
problem-404-title = There is nothing here
problem-404-text = The address may be mistyped, or it belongs to another organization.
problem-422-title = This address cannot be read
problem-422-text = A part of it is damaged or no longer valid. Start again from the list of messages.
problem-500-title = Something went wrong on our side
problem-500-text = Please try again. If it happens again, give your administrator this incident number.
problem-503-title = Not available right now
problem-503-text = A part of the service does not answer. Please try again in a moment; nothing is lost.
problem-sign-in-off-title = Nobody can sign in yet
problem-sign-in-off-text = Signing in is not set up for this service. An administrator can turn on App Service authentication.
problem-incident = Incident
problem-again = Try again
problem-home = Go to your messages
