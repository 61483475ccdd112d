"""Prove the rules: `make prove` explores every slice to its end and prints what it found. Writes nothing."""

import sys
from multiprocessing import Pool

from tests.pilot.proof.explorer import Result, explore
from tests.pilot.proof.slices import LONG


def main() -> int:
    print(f"{'slice':20} {'states':>9} {'transitions':>12} {'closings':>9} {'CPU s':>7}", flush=True)
    total = [0, 0, 0]
    broken = []
    with Pool() as pool:
        for one in pool.imap_unordered(_explore, range(len(LONG)), chunksize=1):
            print(f"{one.name:20} {one.states:9} {one.transitions:12} {one.closings:9} {one.seconds:7.0f}", flush=True)
            total = [a + b for a, b in zip(total, (one.states, one.transitions, one.closings), strict=True)]
            if one.invariant:
                broken.append(one)
    print(f"{'all':20} {total[0]:9} {total[1]:12} {total[2]:9}")
    for one in broken:
        print(f"\n{one.name}: {one.invariant} is broken by", *one.story, sep="\n  ")
    return 1 if broken else 0


def _explore(index: int) -> Result:
    return explore(LONG[index])


if __name__ == "__main__":
    sys.exit(main())
