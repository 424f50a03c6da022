"""The local Graph: a stateful, strict stand-in for the parts of Microsoft Graph we use.

It answers what Graph answers, refuses what Graph refuses, and fails on demand in the ways Graph
fails. Run it with ``python -m local.graph --port 7072 --database FILE``. What only a real tenant
can show is listed in the project's documentation as not verified.
"""
