"""Table, Blob and Queue access: the only place that imports the Azure storage libraries.

`tables` is on the import path of the pixel; `blobs` and `queues` load their library at first use.
"""
