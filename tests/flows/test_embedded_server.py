"""The Prefect server of one run, as far as it is ours."""

import subprocess
import sys

from tests.conftest import clean_environment
from tests.support_waiting import PATIENCE_S

ENDS_EARLY = """
import select, threading, time
from flows import embedded_server
select.select([0], [], [])
threading.Thread(target=embedded_server._end_with_parent, args=(None,), daemon=True).start()
while select.select([0], [], [], 0)[0]:
    time.sleep(0.01)
print("the last line")
"""


def test_a_server_that_cannot_start_ends_with_its_own_last_words() -> None:
    """Who waits for the end of its parent does not make the interpreter abort, which would have the last word."""
    ended = subprocess.Popen(
        [sys.executable, "-c", ENDS_EARLY], env=clean_environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert ended.stdin is not None
    assert ended.stdout is not None
    ended.stdin.write("a byte, which the thread that waits has read when nothing is left to read")
    ended.stdin.flush()
    said = ended.stdout.read()

    assert (ended.wait(timeout=PATIENCE_S), said) == (0, "the last line\n")
    ended.stdin.close()
