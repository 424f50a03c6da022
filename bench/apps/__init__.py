"""Function apps and a server to compare with: each answers the same GIF."""
