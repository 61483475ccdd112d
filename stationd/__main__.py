"""`python -m stationd`."""

import sys

from stationd.app import main

if __name__ == "__main__":
    sys.exit(main())
