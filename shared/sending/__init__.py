"""From a request to a sent mail: `accept` → `follow` → `compose` → `deliver`; `due` brings back
what got stuck."""
