"""Run the plant: python -m stationd.sandbox.plant --runtime-dir DIR."""

import sys

from stationd.sandbox.plant.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
