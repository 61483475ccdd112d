"""What the kernel knows of another process (CPU time, memory, bytes written) and of the whole machine."""

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory; the private part is what the process alone costs."""

    rss_mib: float
    private_mib: float


def cpu_ns(pid: int) -> int:
    """Return user and system time of all threads of a process since it was forked, ended threads too."""
    return time.clock_gettime_ns(((~pid) << 3) | 2)  # its CPU-time clock, as clock_getcpuclockid(3) names it


@dataclass(frozen=True, slots=True)
class MachineTime:
    """CPU time since the machine started: all there was, what was used, and what of that this run used."""

    total_s: float
    busy_s: float
    own_s: float
    stolen_s: float
    """What a virtual machine's host gave to others."""

    @classmethod
    def now(cls) -> "MachineTime":
        """Read it; processes of this run count once they have ended."""
        fields = [int(word) / os.sysconf("SC_CLK_TCK") for word in Path("/proc/stat").read_text().split()[1:9]]
        idle, stolen = fields[3] + fields[4], fields[7]
        own = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return cls(sum(fields), sum(fields) - idle - stolen, own, stolen)

    def others_share(self, later: "MachineTime") -> float:
        """Return which part of all cores was used by anything else between two readings."""
        others = later.busy_s - self.busy_s - (later.own_s - self.own_s)
        return max(0.0, others / (later.total_s - self.total_s))

    def stolen_share(self, later: "MachineTime") -> float:
        """Return which part of all cores the host kept between two readings."""
        return (later.stolen_s - self.stolen_s) / (later.total_s - self.total_s)


def memory(pid: int) -> Memory:
    """Return the memory of a process now."""
    kib = {"Rss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        if name in kib:
            kib[name] = int(rest.split()[0])
    return Memory(kib["Rss"] / 1024, (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024)


def bytes_to_device(pid: int) -> int:
    """Return how many bytes a process has caused to be written to a block device; a folder in memory counts none."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "write_bytes":
            return int(value)
    raise RuntimeError(f"cannot read the bytes written by process {pid}: this kernel does not count them")
