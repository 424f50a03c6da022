"""Files of messages: how they come in, go to OneDrive, are linked, used and taken back."""
