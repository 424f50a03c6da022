"""The assistant: cards that tell a seller at once what happened to a message, and what is due."""
