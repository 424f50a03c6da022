"""What is stored of a message: its rows (`rows`), its content (`content`), its places in lists
(`feeds`).

One partition of the table `messages` is the whole story of a message:

    message          its state and its KPIs; every change goes through this row's ETag
    copy~0000        one sent email of it: the sending step it has reached, and its own KPIs
    event~…          the timeline, newest first
    link~0000~000012 the links of what was sent
    file~0001        a followed attachment: where it is in OneDrive, and its link
    todo~…           what still has to follow from a change (list rows; later cards, webhooks, …)
"""
