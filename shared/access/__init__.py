"""Who calls, for which organization, and what they may do: keys of CRMs and signed-in people."""
