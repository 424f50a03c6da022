"""Everything a developer starts: `python3 dev.py run | test | check | doctor | bench | costs`
(and `rebuild`, `tables`).

Only the standard library is needed; the rest is fetched into a virtual environment of the project.
This file stays within the syntax of old Pythons, so that one of them can say its sentence.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "dev.py needs Python 3.11 or newer and this one is %d.%d: start it with a newer one, "
        "for example python3.13 dev.py." % sys.version_info[:2]
    )

from local.toolchain.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
