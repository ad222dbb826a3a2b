"""Kill `rwkv-tok prepare` at random moments, repeat the command, and compare what comes out.

    python tests/crash/kill.py --kills 200 --seed 1

Needs the package installed with what `rwkv-tok[data]` adds. Makes a corpus and an undisturbed
dataset for each scenario; then starts the command again and again, kills it (alone, with all its
workers, or only one of these), and repeats it, until it ends. After each kill an .idx that is there
must be complete, and nothing else damaged; no process may be left after some seconds; in the end
all files must have the bytes of the undisturbed ones, and nothing else may be there.

With --signal INT or TERM the command is interrupted or ended instead: INT as by Ctrl-C, which
reaches all processes.

Exit code 1 if something was different: the folder is kept then.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.corpus import Corpus, make_corpus
from crash.processes import Process, take_interrupts, wait_until
from crash.scenarios import SCENARIOS, Broken, Place, Scenario, expected_of

__all__ = ["Disturber", "Tally", "Undisturbed"]

# What appears while the command works: some moments are too short for a random time to hit them.
_LANDMARKS = (
    "train.work/journal",
    "train.work/parts-*/*",
    "train.work/arranged",
    "train.work/0.idx",
    "train.work/.rwkv-tok-*",
    "train.work/publish.json",
    "train.bin",
    "train.json",
    "train.idx",
)
_MOST_KILLS_OF_A_RUN = 12
# For how long a worker may go on with what it has begun when nobody wants it any more.
_SECONDS_OF_ORPHANS = 5.0
_SECONDS_TO_STOP = 3.0


@dataclass
class Tally:
    """What was done."""

    runs: int = 0
    starts: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    victims: Counter[str] = field(default_factory=Counter)
    scenarios: Counter[str] = field(default_factory=Counter)
    slowest_end: float = 0.0
    slowest_stop: float = 0.0

    @property
    def kills(self) -> int:
        """How often a signal has reached the command at work."""
        return self.victims.total()

    def summary(self) -> str:
        """All of it in some lines."""
        lines = [f"{self.runs} runs, {self.starts} starts of the command, {self.kills} signals"]
        for name in ("victims", "phases", "scenarios"):
            counts = ", ".join(f"{key} {count}" for key, count in getattr(self, name).most_common())
            lines.append(f"{name}: {counts}")
        lines.append(f"orphans had ended after {self.slowest_end:.2f} s at most")
        if self.slowest_stop:
            lines.append(f"Ctrl-C ended the command after {self.slowest_stop:.2f} s at most")
        return "\n".join(lines)


class Undisturbed:
    """A corpus, and what undisturbed runs make of it."""

    def __init__(self, folder: Path, seed: int, megabytes: float) -> None:
        self.folder = folder
        self.corpus: Corpus = make_corpus(folder / "corpus", seed, megabytes)
        self._keys: list[str] = []
        self._seconds: dict[str, float] = {}

    def expected(self, scenario: Scenario) -> dict[str, Path]:
        """The files of an undisturbed run, by name."""
        if scenario.key not in self._keys:
            self._keys.append(scenario.key)
        folder = self.folder / f"expected-{self._keys.index(scenario.key)}"
        return expected_of(scenario, self.corpus, folder)

    def place(self, scenario: Scenario) -> Place:
        """A fresh folder to make the dataset in."""
        return Place(self.folder / "place", scenario, self.corpus, self.expected(scenario))

    def seconds(self, scenario: Scenario) -> float:
        """How long a run takes; what comes out of it is compared, too."""
        if scenario.name not in self._seconds:
            place = self.place(scenario)
            with Process(place.command) as process:
                if process.wait() != 0:
                    raise Broken(f"undisturbed, it fails: {process.errors()}")
                self._seconds[scenario.name] = process.seconds
            place.check_end()
        return self._seconds[scenario.name]


class Disturber:
    """Starts the command in a place, disturbs it, and repeats it until it ends.

    Parameters
    ----------
    undisturbed
        What to compare with.
    rng
        Decides on everything.
    number
        The signal.
    tally
        Where all of it is counted.
    """

    def __init__(
        self, undisturbed: Undisturbed, rng: random.Random, number: signal.Signals, tally: Tally
    ) -> None:
        self._undisturbed = undisturbed
        self._rng = rng
        self._signal = number
        self._tally = tally
        self._started: list[Process] = []

    def run(self, scenario: Scenario, most: int) -> int:
        """One run with at most so many signals; returns how many there were."""
        seconds = self._undisturbed.seconds(scenario)
        place = self._undisturbed.place(scenario)
        before = self._tally.kills
        self._tally.runs += 1
        try:
            for attempt in range(1000):
                count = self._tally.kills - before
                wanted = count < min(most, _MOST_KILLS_OF_A_RUN) and (
                    attempt == 0 or self._rng.random() < 0.8
                )
                if self._start(scenario, place, seconds, disturbed=wanted) == 0:
                    break
                place.check()
            self._check_orphans()
            place.check_end()
        finally:
            for process in self._started:
                process.close()
            self._started.clear()
        return self._tally.kills - before

    def _start(self, scenario: Scenario, place: Place, usual: float, *, disturbed: bool) -> int:
        """Start the command once, and disturb it if it shall be; its exit code."""
        process = Process(place.command)
        self._started.append(process)
        self._tally.starts += 1
        victim = ""
        if disturbed:
            self._await_moment(scenario, process, place, usual)
            victim = self._strike(process)
        struck = time.monotonic()
        code = process.wait()
        phase = place.phase()
        if victim and code != 0:
            self._tally.victims[victim] += 1
            self._tally.phases[phase] += 1
            self._tally.scenarios[scenario.name] += 1
        if code != -signal.SIGINT or phase != "complete":  # or else Python was about to end
            self._check_exit(process, victim, code, time.monotonic() - struck)
        if self._rng.random() < 0.5:  # the next start may meet them, or not
            self._check_orphans()
            if victim in ("command", "all"):
                seconds = time.monotonic() - struck
                self._tally.slowest_end = max(self._tally.slowest_end, seconds)
        return code

    def _await_moment(
        self, scenario: Scenario, process: Process, place: Place, seconds: float
    ) -> None:
        """Wait for some time, or until something appears and a little longer."""
        landmark = self._rng.choice(
            [
                each
                for each in _LANDMARKS
                if (scenario.is_arranged or "arranged" not in each)
                and (scenario.workers > 1 or "parts-" not in each)
            ]
        )
        is_new = not any(place.folder.glob(landmark))
        delay = self._rng.uniform(0.1, 0.95 * seconds)
        if self._rng.random() < 0.5 and is_new:
            wait_until(lambda: process.has_ended() or any(place.folder.glob(landmark)), 300)
            delay = self._rng.choice([0, self._rng.uniform(0, 0.01), delay / 3])
        elif self._signal != signal.SIGKILL:
            # Until Python and the package have started, Ctrl-C ends the command in other ways.
            wait_until(lambda: process.has_ended() or process.is_at_work(), 300)
        wait_until(process.has_ended, delay)

    def _strike(self, process: Process) -> str:
        """Send the signal to somebody; return to whom."""
        if process.has_ended():
            return ""
        if self._signal == signal.SIGINT:
            process.send(self._signal)
            return "all"
        workers = process.workers()
        victim = self._rng.choice(["command", "all", *["one worker"] * (2 if workers else 0)])
        if victim == "one worker":
            process.send(self._signal, self._rng.choice(workers))
        else:
            process.send(self._signal, process.pid if victim == "command" else None)
        return victim

    def _check_exit(self, process: Process, victim: str, code: int, seconds: float) -> None:
        errors = process.errors()
        allowed = {"": {0}, "one worker": {0, 2}}.get(victim, {0, -self._signal})
        if self._signal == signal.SIGINT and victim:
            allowed = {0, 130}
            self._tally.slowest_stop = max(self._tally.slowest_stop, seconds)
        if code not in allowed or "Traceback" in errors:
            raise Broken(f"{victim or 'nobody'} was struck, exit code {code}: {errors}")
        if code in (2, 130):
            words = "the same command goes on from" if code == 2 else "Stopped; the same command"
            if words not in errors or errors.count("\n") != 1:
                raise Broken(f"exit code {code} with the message {errors!r}")
        if code == 130 and seconds > _SECONDS_TO_STOP:
            raise Broken(f"Ctrl-C took {seconds:.1f} s")

    def _check_orphans(self) -> None:
        """Wait for what is left of former starts."""
        for process in self._started:
            if not wait_until(lambda process=process: not process.living(), _SECONDS_OF_ORPHANS):
                raise Broken(f"processes without a parent go on: {process.living()}")
            if "Traceback" in process.errors():
                raise Broken(f"somebody complains: {process.errors()}")
            process.close()
        self._started.clear()


def main() -> int:
    """Do what the command line says."""
    options = _parser().parse_args()
    take_interrupts()
    folder = Path(tempfile.mkdtemp(prefix="rwkv-tok-kill-"))
    print(f"seed {options.seed}, in {folder}", flush=True)
    tally = Tally()
    try:
        _disturb(options, folder, tally)
    except (Broken, subprocess.TimeoutExpired, KeyboardInterrupt) as error:
        print(f"{tally.summary()}\nFAILED with seed {options.seed}: {error!r}")
        print(f"everything is kept in {folder}")
        return 1
    print(f"{tally.summary()}\nall identical to undisturbed runs")
    if not options.keep:
        shutil.rmtree(folder)
    return 0


def _disturb(options: argparse.Namespace, folder: Path, tally: Tally) -> None:
    chosen = [each for each in SCENARIOS if options.scenario in each.name]
    undisturbed = Undisturbed(folder, options.seed, options.megabytes)
    rng = random.Random(options.seed)
    number = signal.Signals[f"SIG{options.signal}"]
    disturber = Disturber(undisturbed, rng, number, tally)
    while tally.kills < options.kills:
        for scenario in rng.sample(chosen, len(chosen)):
            left = options.kills - tally.kills
            if left <= 0:
                return
            started = time.monotonic()
            count = disturber.run(scenario, left)
            print(
                f"{tally.kills:4} of {options.kills}: {scenario.name:13} {count:2} signals, "
                f"{time.monotonic() - started:5.1f} s, identical",
                flush=True,
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="how many signals")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="decides on everything")
    parser.add_argument("--megabytes", type=float, default=40.0, help="of the plain JSONL")
    parser.add_argument("--signal", choices=["KILL", "INT", "TERM"], default="KILL")
    parser.add_argument("--scenario", default="", help=f"only those with this in the name: {names}")
    parser.add_argument("--keep", action="store_true", help="keep the folder in any case")
    return parser


if __name__ == "__main__":
    sys.exit(main())
