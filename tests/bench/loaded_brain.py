"""`python -m tests.bench.loaded_brain …`: stationd as ever, with threads in it that do the worst to an interpreter."""

import gc
import json
import sys
import threading
import time

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from stationd.app import main

OBJECTS = 600_000
JSON_BYTES = 5_600_000


def make_keys() -> None:
    """Make keys for ever; the library leaves the interpreter to others meanwhile."""
    while True:
        rsa.generate_private_key(65537, 4096)
        ec.generate_private_key(ec.SECP256R1())


def hold_the_interpreter() -> None:
    """Collect a large heap and parse a large text for ever; nobody else can run meanwhile."""
    while not gc.get_freeze_count():  # what exists before stationd freezes its heap would never be collected
        time.sleep(0.05)
    heap = [[index] for index in range(OBJECTS)]
    line = json.dumps({"timestamp": "2026-01-01T12:00:00Z", "value": 10963.2, "unit": "W"})
    text = "[" + ",".join([line] * (JSON_BYTES // len(line))) + "]"
    while heap:
        gc.collect()
        json.loads(text)


if __name__ == "__main__":
    for work in (make_keys, hold_the_interpreter):
        threading.Thread(target=work, daemon=True).start()
    sys.exit(main())
