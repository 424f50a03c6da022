"""Stands in for the Azure Functions host on one machine: `python -m local.host`.

It serves an `azure.functions` app (HTTP, queue and timer triggers) in one process and copies the
host's habits, also the surprising ones, so that what works here works on Azure. Read in this
order: `functions` (what the app has), `web` (a request becomes a call), `queues`, `timers`,
`sign_in` (App Service authentication) and `__main__` (start and stop).
"""
