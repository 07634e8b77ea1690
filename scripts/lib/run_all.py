# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a deployment: driver, supervisor, simulated cameras, processing stages; prints status tables; leaves nothing
behind."""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

from programs import STOP_SIGNALS, Program, interrupt, undisturbed

NO_NAMESPACE = 125  # of own_network.py
CANNOT_HERE = 77  # our exit code for it: nothing is wrong with the deployment


class Deployment:
    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.config = tomllib.loads(pathlib.Path(options.config).read_text())
        self.streams = {name: int(stream["stream_id"]) for name, stream in self.config.get("streams", {}).items()}
        self.cameras = sorted(name for name in self.streams if name.startswith("camera"))
        if not self.cameras:
            raise SystemExit(f"run_all_driver.sh: {options.config}: no [streams.camera*] to feed")
        self.base = self.config.get("shm", {}).get("base_dir", "/dev/shm")
        self.out = pathlib.Path(options.out)
        self.out.mkdir(parents=True, exist_ok=True)
        folder = pathlib.Path(options.programs)
        self.tp = str(folder / "apps/tp/tp")
        self.camera = str(folder / "apps/tp_camera/tp-camera")
        self.stage = str(folder / "examples/processing_stage")
        self.programs: list[Program] = []
        self.scratch: pathlib.Path | None = None
        self.no_namespace = False
        self.supervised: dict = {}
        self.database: pathlib.Path | None = None
        self.environment = dict(os.environ)
        self.environment.setdefault("TP_LOG", "1")  # into the programs' log files
        self.environment.setdefault("TP_LOG_FORMAT", "text")

    def launch(self, name: str, words: list[str], deaf: bool = False) -> None:
        """`deaf`: starts with SIGINT blocked; own_network.py unblocks it once it is no longer Python that would hear it."""
        with undisturbed():
            if deaf:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self.programs.append(Program(name, words, self.out / f"{name}.log", self.environment))
            finally:
                if deaf:
                    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def start(self) -> None:
        with undisturbed():
            self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="tensorpool-run-", dir="/dev/shm"))
        self.environment["TP_MESSAGING_DIR"] = str(self.scratch / "messaging")
        self.launch("driver", [self.tp, "driver", self.options.config])
        # It only watches where the driver of this file supervises itself.
        self.launch("supervisor", [self.tp, "supervisor", self.options.config, "--json"])
        if self.options.trace:
            self.environment["TP_TRACE"] = "1"
            self.database = self.out / "trace.db"
            for old in self.out.glob("trace.db*"):
                old.unlink()
            self.launch("recorder", [self.tp, "trace", "record", str(self.database), "--allow", self.base, "--json"])
        own_network = [sys.executable, str(pathlib.Path(__file__).with_name("own_network.py"))]
        for name in self.cameras:
            stream = str(self.streams[name])
            self.launch(name, own_network + [self.camera, "--fake", "--stream-id", stream, "--rate",
                                             str(self.options.rate), "--shm-dir", self.base, "--json"],
                        deaf=True)
            processed = name.replace("camera", "processed", 1)
            if processed in self.streams:
                self.launch(processed, [self.stage, stream, str(self.streams[processed]), self.base])

    def status(self) -> list[dict]:
        """What every stream does just now, as anyone on this deployment sees it."""
        listing = None
        try:
            with undisturbed():  # an interrupt between its start and our knowing it would leave it behind
                listing = subprocess.Popen([self.tp, "ls", "--json", "--duration-s", "2"], env=self.environment, text=True,
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
            output, _ = listing.communicate()
        finally:
            if listing is not None:
                listing.kill()
                listing.wait()
        return json.loads(output)["streams"] if listing.returncode == 0 else []

    def failed(self) -> str:
        for program in self.programs:
            code = program.process.poll()
            if code == NO_NAMESPACE:
                self.no_namespace = True
                return f"{program.name}: simulated cameras need a network namespace each, see {program.log}"
            if code is not None:
                return f"{program.name} ended early, see {program.log}"
        return ""

    def watch(self) -> tuple[list[dict], str]:
        end = time.monotonic() + self.options.duration if self.options.duration > 0 else float("inf")
        streams: list[dict] = []
        while True:
            streams = self.status() or streams
            self.supervised = next((p.last for p in self.programs if p.name == "supervisor" and p.last), self.supervised)
            if failure := self.failed():
                return streams, failure
            if time.monotonic() >= end:
                return streams, ""
            if sys.stdout.isatty():
                print("\033[H\033[J" + self.table(streams) + "\n\n" + self.supervisor_table(), flush=True)

    def table(self, streams: list[dict]) -> str:
        names = {stream: name for name, stream in self.streams.items()}
        lines = [f"{'stream':<14}{'id':>7}{'frames/s':>10}{'last seq':>10}{'producers':>11}{'consumers':>11}"
                 f"{'epoch':>22}"]
        for stream in sorted(streams, key=lambda s: s["stream_id"]):
            lines.append(f"{names.get(stream['stream_id'], '?'):<14}{stream['stream_id']:>7}"
                         f"{stream['frames_per_s']:>10.1f}{stream['last_seq'] or 0:>10}{len(stream['producers']):>11}"
                         f"{len(stream['consumers']):>11}{stream['epoch']:>22}")
        return "\n".join(lines)

    def supervisor_table(self) -> str:
        """Everybody's position, lag, losses and liveness as the supervisor last knew them."""
        names = {stream: name for name, stream in self.streams.items()}
        lines = [f"{'supervised':<14}{'peer':>12}{'role':>10}{'seq':>10}{'lag':>6}{'gap':>8}{'late':>8}  state"]

        def line(peer: dict, role: str, seq: int, losses: str, state: str) -> str:
            return (f"{names.get(peer['stream_id'], '?'):<14}{peer[role + '_id']:>12}{role:>10}{seq:>10}{losses}  "
                    f"{'stale' if peer['stale'] else 'alive'}{state}")

        for peer in self.supervised.get("producers", []):
            lines.append(line(peer, "producer", peer["current_seq"], " " * 22, ""))
        for peer in self.supervised.get("consumers", []):
            lag = "-" if peer["lag"] is None else peer["lag"]
            lines.append(line(peer, "consumer", peer["last_seq"], f"{lag:>6}{peer['drops_gap']:>8}{peer['drops_late']:>8}",
                              ", id used twice" if peer["collides"] else ""))
        return "\n".join(lines)

    def stop(self) -> list[str]:
        """Ends everything, readers before writers, the driver last; returns what went wrong."""
        problems = []
        for program in reversed(self.programs):
            code = program.stop()
            # Of our SIGINT it dies only before it has a handler, and so before it has made anything.
            if code not in (0, NO_NAMESPACE, -signal.SIGINT):
                tail = program.log.read_text(errors="replace").strip().splitlines()[-1:]
                problems.append(f"{program.name} exited with {code}: {' '.join(tail)}")
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)
            if self.scratch.exists():
                problems.append(f"left behind: {self.scratch}")
        space = os.environ.get("SHM_NAMESPACE") or self.config.get("shm", {}).get("namespace", "default")
        left = [str(p) for p in pathlib.Path(self.base).glob(f"tensorpool-*/{space}/**/*") if not p.is_dir()]
        if left and self.config.get("policies", {}).get("cleanup_shm_on_exit"):
            problems.append(f"left in shared memory: {', '.join(left)}")
        return problems

    def check_lineage(self) -> list[str]:
        """Asks where the last frame of every stage came from; the stage itself knows the right answer."""
        problems = []
        for program in self.programs:
            message = program.summary
            if not message.get("from") or message["frames"] == 0:
                continue
            output, source = message["last_to"], message["last_from"]
            answer = subprocess.run(
                [self.tp, "trace", "lineage", str(self.database), "--json", "--frame",
                 f"{message['to']}:{output['epoch']}:{output['seq']}"], text=True, capture_output=True, check=False)
            if answer.returncode != 0:
                problems.append(f"{program.name}: {answer.stderr.strip()}")
                continue
            frames = [(f["stream_id"], f["epoch"], f["seq"])
                      for node in json.loads(answer.stdout)["nodes"] for f in node["frames"]]
            expected = [(message["from"], source["epoch"], source["seq"]),
                        (message["to"], output["epoch"], output["seq"])]
            if sorted(frames) != sorted(expected):
                problems.append(f"{program.name}: lineage {frames}, expected {expected}")
            else:
                print(f"{program.name}: frame {output['seq']} came from frame {source['seq']} of {message['from']}")
        return problems

    def report(self, streams: list[dict], problems: list[str]) -> None:
        print(self.table(streams) + "\n\n" + self.supervisor_table() + "\n")
        for program in self.programs:
            message = program.summary
            if message.get("from"):
                print(f"{program.name}: {message['frames']} frames binned, lost: gap {message['drops_gap']}, "
                      f"late {message['drops_late']}, overwritten {message['overwritten']}, refused {message['refused']}")
            elif "gaps" in message:
                print(f"{program.name}: {message['frames']} frames from {message['camera']}, gaps {message['gaps']}")
        for problem in problems:
            print(f"run_all_driver.sh: {problem}", file=sys.stderr)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/run_all_driver.sh",
        description="Runs a driver configuration with simulated cameras and processing stages; Ctrl-C stops it.")
    parser.add_argument("config", metavar="CONFIG", help="for example docs/examples/driver_camera_example.toml")
    parser.add_argument("--duration", type=float, default=0, metavar="S", help="seconds (default 0: until Ctrl-C)")
    parser.add_argument("--out", default="build/run-all", metavar="DIR", help="for logs (default %(default)s)")
    parser.add_argument("--rate", type=float, default=25, metavar="HZ", help="frames per second of every camera")
    parser.add_argument("--trace", action="store_true", help="trace every frame; lineage goes to DIR/trace.db")
    parser.add_argument("--programs", default="build/demo", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not pathlib.Path(options.config).is_file():
        parser.error(f"{options.config}: no such file")
    if options.duration < 0 or options.rate <= 0:
        parser.error("--duration must not be below 0, --rate must be above it")
    return options


def main() -> int:
    options = parse()
    deployment = None
    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)
    streams: list[dict] = []
    problems: list[str] = []
    try:
        with undisturbed():
            deployment = Deployment(options)
        deployment.start()
        streams, failure = deployment.watch()
        if failure:
            problems.append(failure)
    except KeyboardInterrupt:
        pass
    finally:
        # From here on nothing stops the cleaning up.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if deployment is not None:
            problems += deployment.stop()
            if deployment.database is not None and not deployment.no_namespace:
                problems += deployment.check_lineage()
    if deployment is None:
        return 0
    deployment.report(streams, problems)
    if deployment.no_namespace:
        return CANNOT_HERE
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
