"""``python -m mpsg``: the command line."""

from __future__ import annotations

import sys

from mpsg.commands import main

if __name__ == "__main__":
    sys.exit(main())
