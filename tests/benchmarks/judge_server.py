"""A scripted judge in a process of its own, so that its work is not counted as ours: says where it is, then serves."""

import sys
import time

from tests.messages_server import MessagesServer, serving
from tests.support_judges import judging

if __name__ == "__main__":
    server = MessagesServer(script=judging(3))
    with serving(server):
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        while sys.stdin.read(1):
            time.sleep(0.1)
