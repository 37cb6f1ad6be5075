"""Commands and answers, as in control.ts."""

import gc
import json
import os
import sys
import time


def commands():
    for line in sys.stdin:
        yield json.loads(line)


def answer(reply):
    print(json.dumps(reply), flush=True)


def describe(error):
    return f"{type(error).__name__}: {error}"


def cpu():
    # os.times() counts the same in steps of 10 ms, as long as a short run.
    return {"cpuMs": time.process_time() * 1000}


def memory():
    time.sleep(0.1)
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    return {"bytes": pages * os.sysconf("SC_PAGE_SIZE")}


def ends_of(task):
    """Whether a process is to be the server, and the client."""
    return task["role"] != "client", task["role"] != "server"
