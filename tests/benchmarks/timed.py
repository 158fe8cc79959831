"""Times a command with everything it starts: `python -m tests.benchmarks.timed OUT.json COMMAND...`.

Wall time until the command ends; CPU seconds of it and of all its descendants, also of those it leaves behind: Linux
hands these to this process, which waits for them.
"""

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the command and write seconds, CPU seconds and peak memory (MB, of the largest process)."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    started = time.perf_counter()
    status = subprocess.run(sys.argv[2:], check=False).returncode
    wall_s = time.perf_counter() - started
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {"wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}
    Path(sys.argv[1]).write_text(json.dumps(figures))
    sys.exit(status)


if __name__ == "__main__":
    main()
