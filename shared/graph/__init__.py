"""Microsoft Graph: the only place that imports msgraph, and only inside its functions.

Importing this package costs nothing; the first call of a process loads the SDK, in a thread.
"""
