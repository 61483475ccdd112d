"""Start `stationd-pilot`, as `python3 -I -S …/stationd/pilot/__main__.py` or as `python3 -m stationd.pilot`."""

import os
import sys

if not __package__:  # started as a file: only the folder that holds the packages counts, not the file's own
    _own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(os.path.dirname(_own)), *(path for path in sys.path if path != _own)]

from stationd.pilot.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
