# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
"""Runs driver, simulated camera, a fast and a slow consumer; shows one live line; leaves nothing behind."""
import argparse
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import time

from programs import STOP_SIGNALS, Program, interrupt, undisturbed

STREAM_ID = "10000"
DROPS = ["drops_gap", "drops_odd", "drops_changed", "drops_frame_id_mismatch", "drops_header_invalid",
         "drops_payload_invalid", "drops_epoch_mismatch", "drops_unmapped", "skipped"]
DRIVER_CONFIG = """\
[shm]
base_dir = "{base}"
namespace = "demo"
[policies]
cleanup_shm_on_exit = true
[profiles.camera]
header_nslots = 64
payload_pools = [{{ pool_id = 1, stride_bytes = 1048576 }}]
[streams.camera]
stream_id = {stream}
profile = "camera"
"""


def drops_text(message: dict) -> str:
    named = [f"{key.removeprefix('drops_')} {message[key]}" for key in DROPS if message.get(key)]
    return ", ".join(named) or "none"


def reader_text(label: str, message: dict) -> str:
    if not message.get("mapped"):
        return f"{label}: waiting"
    return (f"{label}: {message['frames_per_s']:5.1f} frames/s {message['mb_per_s']:5.1f} MB/s "
            f"p50 {message['latency_p50_us'] / 1000:.2f} ms p99 {message['latency_p99_us'] / 1000:.2f} ms "
            f"lost: {drops_text(message)}")


def files_below(folder: pathlib.Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if not path.is_dir())


class DemoError(Exception):
    """What the user has to know before anything can be shown."""


class Demo:
    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.out = pathlib.Path(options.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.programs: list[Program] = []
        self.scratch: pathlib.Path | None = None

    def start(self) -> None:
        with undisturbed():
            self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="tensorpool-demo-", dir="/dev/shm"))
        config = self.scratch / "driver.toml"
        config.write_text(DRIVER_CONFIG.format(base=self.scratch / "streams", stream=STREAM_ID))
        (self.scratch / "streams").mkdir()
        programs = pathlib.Path(self.options.programs)
        tp = str(programs / "apps/tp/tp")
        messaging = ["--messaging", self.options.messaging]
        if self.options.messaging == "aeron":
            messaging += ["--aeron-dir", str(self.scratch / "aeron")]
        else:
            messaging += ["--messaging-dir", str(self.scratch / "messaging")]
        # With Aeron the driver brings the media driver along.
        serve = ["--embedded-media-driver"] if self.options.messaging == "aeron" else []
        consume = [tp, "consume", "--stream-id", STREAM_ID, "--json", "--interval-s", "0.5", "--allow",
                   str(self.scratch / "streams")] + messaging
        self.frame = self.out / "frame.png"
        self.frame.unlink(missing_ok=True)
        self.launch("driver", [tp, "driver", str(config)] + messaging + serve)
        if self.options.messaging == "aeron":
            self.await_media_driver()
        self.launch("camera", [str(programs / "apps/tp_camera/tp-camera"), "--fake", "--stream-id", STREAM_ID, "--rate",
                               str(self.options.rate), "--shm-dir", str(self.scratch / "streams"), "--json"] + messaging)
        self.launch("fast", consume + ["--save", "1", str(self.frame), "--duration-s", "86400"])
        self.launch("slow", consume + ["--slow", "30"])

    def await_media_driver(self) -> None:
        """Until it is there, or the driver says why not."""
        while not (self.scratch / "aeron" / "cnc.dat").exists():
            if self.program("driver").process.poll() is not None:
                log = self.program("driver").log.read_text(errors="replace").strip().splitlines()
                raise DemoError(log[-1] if log else "the driver ended without a word")
            time.sleep(0.05)

    def launch(self, name: str, words: list[str]) -> None:
        with undisturbed():
            self.programs.append(Program(name, words, self.out / f"{name}.log"))

    def program(self, name: str) -> Program:
        return next(program for program in self.programs if program.name == name)

    def show(self, text: str) -> None:
        if sys.stdout.isatty():
            width = shutil.get_terminal_size((160, 24)).columns - 1
            print("\r" + text[:width].ljust(width), end="", flush=True)
        else:
            print(text, flush=True)

    def watch(self) -> str:
        """Until the time is over; returns what went wrong, or nothing."""
        end = time.monotonic() + self.options.duration
        period = 0.5 if sys.stdout.isatty() else 1.0
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(period, left))
            for program in self.programs:
                if program.process.poll() is not None:
                    return f"{program.name} ended early, see {program.log}"
            self.show(f"{self.options.duration - max(end - time.monotonic(), 0):4.1f} s | "
                      f"{reader_text('fast', self.program('fast').last)} | "
                      f"{reader_text('slow', self.program('slow').last)}")
        return ""

    def stop(self) -> list[str]:
        """Ends everything, readers first; returns what went wrong."""
        problems = []
        for program in sorted(self.programs, key=lambda p: ["fast", "slow", "camera", "driver"].index(p.name)):
            code = program.stop()
            if code != 0:
                tail = program.log.read_text(errors="replace").strip().splitlines()[-1:]
                problems.append(f"{program.name} exited with {code}: {' '.join(tail)}")
        if self.scratch is not None:
            left = files_below(self.scratch / "streams")
            if left:
                problems.append(f"left in shared memory: {', '.join(left)}")
            shutil.rmtree(self.scratch)
        return problems

    def report(self, problems: list[str], interrupted: bool) -> bool:
        readers = {name: self.program(name).summary for name in ("fast", "slow")
                   if any(p.name == name for p in self.programs)}
        if not interrupted and not self.frame.exists():
            problems.append(f"{self.frame} was not saved")
        if not interrupted and not readers.get("fast", {}).get("frames"):
            problems.append("the fast consumer received no frame")
        summary = {"ok": not problems, "interrupted": interrupted, "problems": problems,
                   "duration_s": self.options.duration, "messaging": self.options.messaging,
                   "camera": self.program("camera").summary if len(self.programs) > 1 else {}, "consumers": readers}
        (self.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        if sys.stdout.isatty():
            print()
        for name, message in readers.items():
            if message:
                print(f"{name}: {message['frames']} frames, {message['frames_per_s']:.1f} frames/s, "
                      f"{message['mb_per_s']:.1f} MB/s, latency p50 {message['latency_p50_us'] / 1000:.2f} ms "
                      f"p99 {message['latency_p99_us'] / 1000:.2f} ms, lost: {drops_text(message)}")
        for problem in problems:
            print(f"scripts/demo: {problem}", file=sys.stderr)
        if not interrupted:
            print(f"one frame: {self.frame}, figures: {self.out / 'summary.json'}; nothing left in /dev/shm"
                  if not problems else f"figures and logs: {self.out}")
        return not problems


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Driver, simulated GigE Vision camera, a fast and a slow consumer, for some seconds.")
    parser.add_argument("--duration", type=float, default=10, metavar="S", help="seconds (default %(default)s)")
    parser.add_argument("--out", default="build/demo-out", metavar="DIR",
                        help="for frame.png, summary.json and logs (default %(default)s)")
    parser.add_argument("--messaging", choices=["embedded", "aeron"], default="embedded",
                        help="aeron needs its installation in CMAKE_PREFIX_PATH (docs/aeron.md)")
    parser.add_argument("--rate", type=float, default=50, metavar="HZ", help="camera frames per second")
    parser.add_argument("--programs", default="build/demo", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.duration <= 0 or options.rate <= 0:
        parser.error("--duration and --rate must be above 0")
    return options


def main() -> int:
    options = parse()
    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)
    demo = Demo(options)
    problems: list[str] = []
    interrupted = False
    try:
        demo.start()
        if failure := demo.watch():
            problems.append(failure)
    except DemoError as error:
        problems.append(str(error))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        # From here on nothing stops the cleaning up.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        problems += demo.stop()
    good = demo.report(problems, interrupted)
    return (130 if interrupted else 0) if good else 1


if __name__ == "__main__":
    sys.exit(main())
