"""How many threads a call uses, and running it in them.

Threads live for one call: nothing is kept, so there is nothing that a fork could break.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Protocol

__all__ = ["available_cpus", "check_num_threads", "run_in_threads"]


class Job(Protocol):
    """Work that several threads can do together."""

    def run(self, signals: bool) -> None:
        """Take part until the work is done or stopped; `signals`: run signal handlers meanwhile."""

    def stop(self) -> None:
        """Make every `run` return soon."""


def run_in_threads(job: Job, num_threads: int) -> None:
    """Run a job in the calling thread and in `num_threads - 1` others, and wait for all of them.

    Whatever ends the calling thread's part early, Ctrl-C for instance, stops the others as well.
    """
    helpers: list[threading.Thread] = []
    try:
        for _ in range(num_threads - 1):
            helper = threading.Thread(target=job.run, args=(False,), name="rwkv_tok")
            helpers.append(helper)  # first: Ctrl-C may come while it starts
            try:
                helper.start()
            except RuntimeError:  # no more threads to be had: those that run do the work
                helpers.pop()
                break
        job.run(True)
        for helper in helpers:
            helper.join()
    except BaseException:
        job.stop()
        for helper in helpers:
            _wait_for(helper)
        raise


def _wait_for(thread: threading.Thread) -> None:
    """Wait for a thread that was told to stop, even if Ctrl-C is pressed again meanwhile."""
    while True:
        try:
            thread.join()
        except KeyboardInterrupt:
            continue
        except RuntimeError:  # it was never started
            return
        return


def check_num_threads(num_threads: int | None) -> int | None:
    """Return what the caller asked for; raise TypeError or ValueError unless None or positive."""
    if num_threads is None:
        return None
    if isinstance(num_threads, bool) or not hasattr(num_threads, "__index__"):
        raise TypeError(f"num_threads must be an int or None, not {type(num_threads).__name__}")
    num_threads = num_threads.__index__()
    if num_threads < 1:
        raise ValueError(f"num_threads must be at least 1, not {num_threads}")
    return num_threads


def available_cpus() -> int:
    """The number of cores that this process may use: its affinity, and its cgroup's quota."""
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    quota = _cgroup_quota()
    return cpus if quota is None else max(1, min(cpus, quota))


def _cgroup_quota() -> int | None:
    """The CPU quota of this process's control groups, in cores rounded up; None if there is none.

    See https://docs.kernel.org/admin-guide/cgroup-v2.html, "cpu.max"; the limits of a group's
    ancestors hold as well. In a container the path may be that of the host, which cannot be seen
    from inside: then it is the ancestors that are found.
    """
    try:
        memberships = _read("/proc/self/cgroup").splitlines()
    except OSError:
        return None
    quotas: list[int | None] = []
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if controllers == "":
            root, files = Path("/sys/fs/cgroup"), ["cpu.max"]
        elif "cpu" in controllers.split(","):  # version 1
            root, files = Path("/sys/fs/cgroup/cpu"), ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        group = root / path.lstrip("/")
        quotas.extend(
            _read_quota([ancestor / file for file in files]) for ancestor in (group, *group.parents)
        )
    return min((quota for quota in quotas if quota is not None), default=None)


def _read_quota(files: list[Path]) -> int | None:
    """Cores from `QUOTA PERIOD`, in one file or two; None where QUOTA is `max` or -1."""
    try:
        quota, period = " ".join(_read(str(file)) for file in files).split()
        microseconds, interval = int(quota), int(period)
    except (OSError, ValueError):
        return None
    return -(-microseconds // interval) if microseconds > 0 and interval > 0 else None


def _read(name: str) -> str:
    # Neither buffered nor by a Path: of a lack of memory CPython would make other errors there.
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123
        return file.read().decode("utf-8", "replace")
