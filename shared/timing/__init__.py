"""When: local times and their instants, and the best time for a recipient.

The rules of zones are those of the package `tzdata` everywhere, whatever the machine has.
"""

import zoneinfo

zoneinfo.reset_tzpath(to=())
