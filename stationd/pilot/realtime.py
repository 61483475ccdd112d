"""Ask the kernel for real-time scheduling and for memory that stays; say what was refused."""

import ctypes
import os

PRIORITY = 50
MCL_CURRENT, MCL_FUTURE = 1, 2


def take() -> str:
    """Take what is permitted; return `realtime`, or `degraded: ` and what was refused."""
    refused = []
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        refused.append(f"SCHED_FIFO ({error.strerror}; allow LimitRTPRIO={PRIORITY})")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE) != 0:
        refused.append(f"mlockall ({os.strerror(ctypes.get_errno())}; allow LimitMEMLOCK=infinity)")
    return f"degraded: refused {', '.join(refused)}" if refused else "realtime"
