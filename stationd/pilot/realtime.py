"""Ask the kernel for real-time scheduling and for memory that stays; say what was refused."""

import contextlib
import ctypes
import json
import os
import resource

PRIORITY = 50
MCL_CURRENT, MCL_FUTURE = 1, 2
"""Without MCL_ONFAULT: a page that is only locked once it was touched may still have to come from a slow card, the
first time that an opening needs it. The price is about 4 MiB, most of them libraries that other processes share."""
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of mallopt."""
CAP_IPC_LOCK = 14


def take() -> str:
    """Take what is permitted; return `realtime`, or `degraded: ` and what was refused, each with what allows it."""
    refused = []
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        refused.append(f"SCHED_FIFO ({error.strerror}; allow LimitRTPRIO={PRIORITY})")
    libc = ctypes.CDLL(None, use_errno=True)
    _touch_stack()
    _keep_memory(libc)
    endless = _lock_is_endless()
    # Under a limit, memory that is locked as it comes would make an allocation in the middle of a tick fail.
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE if endless else MCL_CURRENT) != 0:
        refused.append(f"mlockall ({os.strerror(ctypes.get_errno())}; allow LimitMEMLOCK=infinity)")
    elif not endless:
        refused.append("mlockall of later memory (there is a limit; allow LimitMEMLOCK=infinity)")
    return f"degraded: refused {', '.join(refused)}" if refused else "realtime"


def page_faults() -> int:
    """Return how often this process waited for a page of memory until now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_minflt + usage.ru_majflt


def _touch_stack() -> None:
    """Use the stack as deeply as the deepest message can, so that no later one has to wait for pages."""
    with contextlib.suppress(RecursionError):
        json.loads("[" * 4_000)


def _keep_memory(libc: ctypes.CDLL) -> None:
    """Give no memory back to the kernel: fetching it again is what would take time. Some C libraries lack the call."""
    with contextlib.suppress(AttributeError):
        libc.mallopt(M_TRIM_THRESHOLD, -1)
        libc.mallopt(M_MMAP_MAX, 0)


def _lock_is_endless() -> bool:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    with open("/proc/self/status", "rb") as file:
        capable = next((line.split()[1] for line in file if line.startswith(b"CapEff:")), b"0")
    return bool(int(capable, 16) >> CAP_IPC_LOCK & 1)
