# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
"""run_all_interrupted.py RUN_ALL CONFIG PROGRAMS OUT: interrupts a deployment early and late, by every signal that stops it;
each time it must end in good order and leave nothing behind: no process, no file. Exit 77: not possible here."""
import glob
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time
import uuid

RUN_ALL, CONFIG, PROGRAMS, OUT = sys.argv[1:5]
CANNOT_HERE = 77


def still_running(mark: str) -> list[str]:
    """Processes that carry `mark` in their environment."""
    found = []
    for environ in glob.glob("/proc/[0-9]*/environ"):
        try:
            if mark.encode() in pathlib.Path(environ).read_bytes():
                found.append(pathlib.Path(environ).with_name("cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # gone meanwhile, or not ours
    return found


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


def children_of(pid: int) -> int:
    return len(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def interrupt(when: str, number: int) -> None:
    mark = uuid.uuid4().hex
    environment = dict(os.environ, RUN_ALL_TEST=mark, PYTHONUNBUFFERED="1")
    process = subprocess.Popen([sys.executable, RUN_ALL, "--programs", PROGRAMS, "--out", OUT, CONFIG], env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    # It handles signals from the moment it starts children.
    wait_for(lambda: process.poll() is not None or children_of(process.pid) >= (6 if when == "late" else 1))
    if when == "late":
        wait_for(lambda: "epoch" in pathlib.Path(OUT, "driver.log").read_text() or process.poll() is not None)
        time.sleep(random.uniform(0, 2))
    elif when == "between":
        time.sleep(random.uniform(0, 0.3))
    if process.poll() is None:
        process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    label = f"{when}, {signal.Signals(number).name}"
    if process.returncode == CANNOT_HERE:
        print(output)
        sys.exit(CANNOT_HERE)
    problems = []
    if process.returncode != 0 or "Traceback" in output:
        problems.append(f"exit {process.returncode}:\n{output}")
    problems += [f"still running: {command}" for command in still_running(mark)]
    problems += [f"left: {path}" for path in left_behind()]
    if problems:
        sys.exit(f"{label}: " + "; ".join(problems))
    print(f"{label}: ended in good order")


def left_behind() -> list[str]:
    space = os.environ["SHM_NAMESPACE"]
    base = re.search(r'^base_dir = "(.*)"', pathlib.Path(CONFIG).read_text(), re.MULTILINE).group(1)
    return [path for path in glob.glob(f"{base}/tensorpool-*/{space}/**", recursive=True) if os.path.isfile(path)]


def main() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    random.seed(seed)
    for _ in range(3):
        for when in ("early", "between"):
            interrupt(when, signal.SIGINT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        interrupt("late", number)


main()
