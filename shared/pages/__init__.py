"""Pages: what sellers see, and the few words a recipient may meet."""
