"""Becomes the given command, and dies with the process that asked for it: `launch.py PARENT_PID COMMAND...`.

Run as a script. A separate program, because the alternative, code between fork and exec, is not safe in a
process with threads and gRPC channels.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent = int(sys.argv[1])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above took effect
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted
