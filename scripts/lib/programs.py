# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
"""Child processes that print JSON lines, and stopping them in order."""
import contextlib
import json
import pathlib
import signal
import subprocess
import threading

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Program:
    """A child with JSON lines on stdout, of which the last interval and the summary are kept."""

    def __init__(self, name: str, words: list[str], log: pathlib.Path, environment: dict | None = None):
        self.name = name
        self.last: dict = {}
        self.summary: dict = {}
        self.log = log
        with open(log, "wb") as err:
            # A session of its own: Ctrl-C reaches this script, which then stops its children in order.
            self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=err, stdin=subprocess.DEVNULL,
                                            start_new_session=True, text=True, env=environment)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if message.get("type") == "interval":
                self.last = message
            else:
                self.summary = message

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(timeout=5)
        return self.process.returncode


class _Interruption:
    wanted = False
    raised = False
    held_back = 0

    @classmethod
    def raise_once(cls) -> None:
        """Only once: a second signal must not interrupt the cleaning up."""
        if cls.wanted and not cls.raised and cls.held_back == 0:
            cls.raised = True
            raise KeyboardInterrupt


def interrupt(_signal, _frame) -> None:
    _Interruption.wanted = True
    _Interruption.raise_once()


@contextlib.contextmanager
def undisturbed():
    """Puts an interruption off to its end: between making something and noting that it has to be undone."""
    _Interruption.held_back += 1
    try:
        yield
    finally:
        _Interruption.held_back -= 1
    _Interruption.raise_once()
