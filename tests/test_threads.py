"""rwkv_tok.threads: how many threads there are to be, and running a job in them."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rwkv_tok import threads
from rwkv_tok.threads import available_cpus, check_num_threads, run_in_threads

# check_num_threads


@pytest.mark.parametrize("num_threads", [None, 1, 2, 1000])
def test_a_number_of_threads_is_returned(num_threads: int | None) -> None:
    assert check_num_threads(num_threads) == num_threads


def test_a_numpy_integer_is_a_number_of_threads() -> None:
    assert type(check_num_threads(np.int64(2))) is int  # type: ignore[arg-type]


@pytest.mark.parametrize("num_threads", [0, -1, np.int32(0)])
def test_less_than_one_thread_is_a_value_error(num_threads: Any) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        check_num_threads(num_threads)


@pytest.mark.parametrize("num_threads", [True, False, 2.0, "2", [2]])
def test_what_is_no_integer_is_a_type_error(num_threads: Any) -> None:
    with pytest.raises(TypeError, match="num_threads"):
        check_num_threads(num_threads)


# available_cpus


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Fake what the system says: the CPUs, and files by their absolute paths."""

    read = threads._read

    def fake(cpus: int, files: dict[str, str]) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cpus)), raising=False)
        monkeypatch.setattr(threads, "_read", lambda name: read(f"{tmp_path}{name}"))
        for path, content in files.items():
            file = tmp_path / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    return fake


V2 = {"/proc/self/cgroup": "0::/user/job\n"}
V1 = {"/proc/self/cgroup": "12:memory:/job\n4:cpu,cpuacct:/job\n2:cpuset:/job\n1:name=systemd:/\n"}
JOB_V1 = "/sys/fs/cgroup/cpu/job"


def v1_quota(quota: int, group: str = JOB_V1) -> dict[str, str]:
    return {f"{group}/cpu.cfs_quota_us": f"{quota}\n", f"{group}/cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        (V2, 8),
        (V2 | {"/sys/fs/cgroup/user/job/cpu.max": "max 100000\n"}, 8),
        (V2 | {"/sys/fs/cgroup/user/job/cpu.max": "200000 100000\n"}, 2),
        # Part of a core is worth a thread.
        (V2 | {"/sys/fs/cgroup/user/job/cpu.max": "250000 100000\n"}, 3),
        (V2 | {"/sys/fs/cgroup/user/job/cpu.max": "5000 100000\n"}, 1),
        (V2 | {"/sys/fs/cgroup/user/job/cpu.max": "6400000 100000\n"}, 8),
        (V2 | {"/sys/fs/cgroup/user/cpu.max": "400000 100000\n"}, 4),
        # A container: the path is the host's, and the group's files are at the root.
        (V2 | {"/sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3),
        (V2 | {"/sys/fs/cgroup/user/job/cpu.max": "no numbers\n"}, 8),
        (V2 | {"/sys/fs/cgroup/user/job/cpu.max": ""}, 8),
        (V2 | {"/sys/fs/cgroup/user/job/cpu.max": "100000 0\n"}, 8),
        (V1, 8),
        (V1 | v1_quota(-1), 8),
        (V1 | v1_quota(200000), 2),
        (V1 | v1_quota(150000), 2),
        (V1 | v1_quota(100000, "/sys/fs/cgroup/cpu"), 1),
        # Without the period the quota means nothing.
        (V1 | {f"{JOB_V1}/cpu.cfs_quota_us": "200000\n"}, 8),
    ],
)
def test_the_quota_of_the_control_group_holds(
    machine: Callable[..., None], files: dict[str, str], expected: int
) -> None:
    machine(8, files)
    assert available_cpus() == expected


def test_the_smallest_quota_of_all_ancestors_holds(machine: Callable[..., None]) -> None:
    group = "/sys/fs/cgroup/user"
    machine(8, V2 | {f"{group}/job/cpu.max": "500000 100000", f"{group}/cpu.max": "300000 100000"})
    assert available_cpus() == 3


def test_the_affinity_holds(machine: Callable[..., None]) -> None:
    machine(2, V2 | {"/sys/fs/cgroup/user/job/cpu.max": "300000 100000\n"})
    assert available_cpus() == 2


@pytest.mark.parametrize(("count", "expected"), [(6, 6), (None, 1)])
def test_without_an_affinity_all_cpus_count(
    machine: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    count: int | None,
    expected: int,
) -> None:
    machine(1, {})
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert available_cpus() == expected


def test_this_machine_has_cpus() -> None:
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)


# run_in_threads


class WaitingJob:
    """Helpers take part until the calling thread's part is over, or the job is stopped."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.over = threading.Event()
        self.stopped = False
        self.parts: list[tuple[bool, threading.Thread]] = []

    def run(self, signals: bool) -> None:
        self.parts.append((signals, threading.current_thread()))
        if not signals:
            self.over.wait()
        elif self.error is not None:
            raise self.error
        else:
            self.over.set()

    def stop(self) -> None:
        self.stopped = True
        self.over.set()


@pytest.mark.parametrize("num_threads", [1, 2, 8])
def test_a_job_runs_in_so_many_threads_at_once(num_threads: int) -> None:
    job = WaitingJob()
    run_in_threads(job, num_threads)
    assert len({thread for _, thread in job.parts}) == num_threads
    assert not job.stopped


def test_only_the_calling_thread_runs_signal_handlers() -> None:
    job = WaitingJob()
    run_in_threads(job, 4)
    assert [thread for signals, thread in job.parts if signals] == [threading.current_thread()]


def test_no_thread_is_left() -> None:
    job = WaitingJob()
    run_in_threads(job, 4)
    assert not any(thread.is_alive() for signals, thread in job.parts if not signals)


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt(), MemoryError()])
def test_an_error_in_the_calling_thread_stops_the_others(error: BaseException) -> None:
    job = WaitingJob(error)
    with pytest.raises(type(error)) as caught:
        run_in_threads(job, 4)
    assert caught.value is error
    assert job.stopped
    assert not any(thread.is_alive() for signals, thread in job.parts if not signals)


@pytest.mark.parametrize("startable", [0, 1, 2])
def test_where_no_more_threads_can_be_started_those_that_run_do_the_work(
    monkeypatch: pytest.MonkeyPatch, startable: int
) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def limited(self: threading.Thread) -> None:
        if len(started) == startable:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", limited)
    job = WaitingJob()
    run_in_threads(job, 8)
    assert len(job.parts) == 1 + startable
    assert not any(thread.is_alive() for thread in started)


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that were waited for to their end."""
    join = threading.Thread.join
    threads: list[threading.Thread] = []

    def noted(self: threading.Thread, timeout: float | None = None) -> None:
        join(self, timeout)
        threads.append(self)

    monkeypatch.setattr(threading.Thread, "join", noted)
    return threads


def test_a_thread_is_waited_for_though_ctrl_c_comes_while_it_starts(
    monkeypatch: pytest.MonkeyPatch, joined: list[threading.Thread]
) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def interrupted(self: threading.Thread) -> None:
        start(self)
        started.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    job = WaitingJob()
    with pytest.raises(KeyboardInterrupt):
        run_in_threads(job, 3)
    assert job.stopped
    # It may only now be about to take part: it must not do so after the call.
    assert set(started) <= set(joined)


def test_helpers_are_waited_for_though_ctrl_c_comes_twice(
    monkeypatch: pytest.MonkeyPatch, joined: list[threading.Thread]
) -> None:
    join = threading.Thread.join
    presses = [KeyboardInterrupt(), KeyboardInterrupt()]

    def interrupted(self: threading.Thread, timeout: float | None = None) -> None:
        if presses:
            raise presses.pop()
        join(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    job = WaitingJob()
    with pytest.raises(KeyboardInterrupt):
        run_in_threads(job, 3)
    assert {thread for signals, thread in job.parts if not signals} <= set(joined)
