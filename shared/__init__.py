"""The product. The rules of time zones are those of the package `tzdata` everywhere in it, whatever
the machine has."""

import zoneinfo

zoneinfo.reset_tzpath(to=())
