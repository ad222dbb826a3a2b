"""One tokenizer in many threads and processes, and long calls that leave others their turn."""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from rwkv_tok import TokenBatch, Tokenizer, _job, _offsets, threads

TEXTS = ["Hello world. " * 50, "今天是美好的一天。" * 40, "", "🙂 é" * 30, "x = 1\n\n" * 60]

# Seconds of work that take hardly any memory: pages of zeros that are only read cost nothing, and
# of the memory for the ids only what is written.
LONG = 1 << 30


def nul_bytes() -> np.ndarray:
    return np.zeros(LONG, np.uint8)


def nul_texts() -> list[bytes]:
    return [bytes(1 << 20)] * (LONG >> 20)


def id_zeros(document_size: int) -> TokenBatch:
    return TokenBatch(np.zeros(LONG, np.uint16), np.arange(0, LONG + 1, document_size))


LONG_CALLS: dict[str, Callable[[Tokenizer], Any]] = {
    "encode": lambda tok: tok.encode(nul_bytes()),
    "encode a str": lambda tok: tok.encode("é" * (1 << 26)),
    "encode_into": lambda tok: tok.encode_into(nul_bytes(), np.empty(LONG, np.uint16)),
    "encode_with_offsets": lambda tok: tok.encode_with_offsets(nul_bytes(), unit="byte"),
    "encode_batch": lambda tok: tok.encode_batch(nul_texts(), num_threads=2),
    "encode_ragged": lambda tok: tok.encode_ragged(nul_texts(), num_threads=1),
    "encode_ragged, 2 threads": lambda tok: tok.encode_ragged(nul_texts(), num_threads=2),
    "encode_ragged, 1 document": lambda tok: tok.encode_ragged([nul_bytes()], num_threads=2),
    "encode_ragged_with_offsets": lambda tok: tok.encode_ragged_with_offsets(
        nul_texts(), unit="byte", num_threads=2
    ),
    "offsets of a text": lambda tok: _offsets.text_offsets(
        tok._decode_table, np.zeros(LONG // 8, np.uint16), True
    ),
    "count": lambda tok: tok.count(nul_bytes()),
    "count_batch": lambda tok: tok.count_batch(nul_texts(), num_threads=2),
    "decode": lambda tok: tok.decode(np.zeros(LONG, np.uint16)),
    "decode_bytes": lambda tok: tok.decode_bytes(np.zeros(LONG, np.uint16)),
    "decode_with_offsets": lambda tok: tok.decode_with_offsets(np.zeros(LONG, np.uint16)),
    "offsets of decoded ids": lambda tok: _offsets.decoded_offsets(
        tok._decode_table, np.zeros(LONG // 8, np.uint16), "raise", b"", True
    ),
    "decode_batch": lambda tok: tok.decode_batch(id_zeros(1 << 16), num_threads=2),
    "decode_bytes_batch": lambda tok: tok.decode_bytes_batch(id_zeros(1 << 16), num_threads=1),
    "decode_bytes_batch, 1 document": lambda tok: tok.decode_bytes_batch(
        id_zeros(LONG), num_threads=1
    ),
}


@pytest.fixture
def no_forced_switches() -> Iterator[None]:
    """No thread has to let go of the GIL before it waits for something or releases it itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(interval)


class CtrlC:
    """Another thread that presses Ctrl-C, again each time that it was noticed."""

    PRESSES = 5

    def __init__(self) -> None:
        self._count = 0
        self._over = False
        self._pressing = threading.Thread(target=self._press)
        self._go = threading.Lock()
        self._noticed = threading.Lock()
        self._usual = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> "CtrlC":
        self._go.acquire()
        self._noticed.acquire()
        signal.signal(signal.SIGINT, self._handle)
        self._pressing.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        if self._noticed.locked():
            self._noticed.release()
        self._pressing.join()
        signal.signal(signal.SIGINT, self._usual)

    def begin(self) -> None:
        """Press as soon as the calling thread releases the GIL."""
        self._go.release()

    def _press(self) -> None:
        self._go.acquire()
        for _ in range(self.PRESSES):
            if not self._over:
                _thread.interrupt_main()
                self._noticed.acquire()

    def _handle(self, *_: object) -> None:
        if self._over:
            return
        self._count += 1
        self._noticed.release()
        if self._count == self.PRESSES:
            raise KeyboardInterrupt


def is_ended_by_ctrl_c(call: Callable[[], Any]) -> bool:
    with CtrlC() as ctrl_c:
        try:
            ctrl_c.begin()
            call()
        except KeyboardInterrupt:
            return True
    return False


@pytest.mark.usefixtures("no_forced_switches")
@pytest.mark.parametrize("call", LONG_CALLS)
def test_other_threads_run_during_a_long_call_and_ctrl_c_ends_it(tok: Tokenizer, call: str) -> None:
    # The presses need the GIL and their handler the calling thread, and one press waits for the
    # other to be handled: that all of them happen means that the call let both in again and again.
    before = set(threading.enumerate())
    assert is_ended_by_ctrl_c(lambda: LONG_CALLS[call](tok))
    assert set(threading.enumerate()) <= before
    assert tok.encode("Hello world").tolist() == [33155, 40213]


@pytest.mark.usefixtures("no_forced_switches")
def test_after_ctrl_c_nothing_more_is_written(tok: Tokenizer) -> None:
    out = np.zeros(LONG, np.uint16)
    assert is_ended_by_ctrl_c(lambda: tok.encode_into(nul_bytes(), out))
    assert (out[0], out[-1]) == (1, 0)


@pytest.mark.usefixtures("no_forced_switches")
def test_ctrl_c_ends_a_batch_that_is_encoded_and_waits_for_its_offsets(
    tok: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _job.run_in_threads
    jobs: list[str] = []
    with CtrlC() as ctrl_c:

        def run_noted(job: Any, num_threads: int) -> None:
            jobs.append(type(job).__name__)
            if jobs[-1] == "OffsetsJob":
                ctrl_c.begin()
            run(job, num_threads)

        monkeypatch.setattr(_job, "run_in_threads", run_noted)
        with pytest.raises(KeyboardInterrupt):
            tok.encode_ragged_with_offsets(nul_texts()[:128], unit="byte", num_threads=1)
    assert jobs == ["EncodeJob", "OffsetsJob"]


def test_a_call_waits_for_its_threads_even_if_threading_gives_up(
    tok: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As its join does up to 3.12 when Ctrl-C is pressed. At each place of this text, all of a
    # special token but its end is read: short enough for no thread to look up, it takes long.
    slow = tok.with_special_tokens({"a" * 1000 + "b": 65530})
    text = "a" * 400_000
    begun = time.monotonic()
    slow.count(text, "all")
    seconds = time.monotonic() - begun
    taking_part, out = threading.Event(), threading.Event()

    def take_part(job: Any) -> None:
        taking_part.set()
        job.run(False)
        out.set()

    def give_up(job: Any, _num_threads: int) -> None:
        threading.Thread(target=take_part, args=(job,)).start()
        taking_part.wait()
        time.sleep(seconds / 10)
        raise KeyboardInterrupt

    monkeypatch.setattr(_job, "run_in_threads", give_up)
    with pytest.raises(KeyboardInterrupt):
        slow.count_batch([text], num_threads=2, allowed_special="all")
    assert out.wait(seconds / 4)


def test_one_tokenizer_serves_many_threads(tok: Tokenizer) -> None:
    expected = [tok.encode(text).tolist() for text in TEXTS]
    together = threading.Barrier(8)

    def work(number: int) -> bool:
        together.wait()
        right = True
        for turn in range(20):
            i = (number + turn) % len(TEXTS)
            batch = tok.encode_ragged(TEXTS * 20, num_threads=1 + turn % 2)
            right &= tok.encode(TEXTS[i]).tolist() == expected[i]
            right &= tok.decode(expected[i], errors="strict") == TEXTS[i]
            right &= tok.count(TEXTS[i]) == len(expected[i])
            right &= batch[: len(TEXTS)].to_list() == expected
            right &= tok.decode_batch(batch, num_threads=2) == TEXTS * 20
            right &= tok.encode_ragged_with_offsets(TEXTS * 20, num_threads=2)[0] == batch
            right &= tok.decode_with_offsets(expected[i])[0] == TEXTS[i]
        return right

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [True] * 8


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that are started; none is refused for want of cores."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def noted(self: threading.Thread) -> None:
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", noted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setattr(threads, "_cgroup_quota", lambda: None)
    return started


BATCH_CALLS: dict[str, Callable[..., Any]] = {
    "encode_batch": lambda tok, texts, n: tok.encode_batch(texts, num_threads=n),
    "encode_ragged": lambda tok, texts, n: tok.encode_ragged(texts, num_threads=n),
    "encode_ragged_with_offsets": lambda tok, texts, n: tok.encode_ragged_with_offsets(
        texts, unit="byte", num_threads=n
    ),
    "count_batch": lambda tok, texts, n: tok.count_batch(texts, num_threads=n),
    "decode_batch": lambda tok, texts, n: tok.decode_batch(
        [np.zeros(len(text), np.uint16) for text in texts], num_threads=n
    ),
}


@pytest.mark.parametrize(("num_threads", "helpers"), [(None, 2), (1, 0), (2, 1), (5, 4)])
@pytest.mark.parametrize("call", BATCH_CALLS)
def test_a_large_batch_uses_the_threads_it_may_and_leaves_none(
    tok: Tokenizer,
    started: list[threading.Thread],
    call: str,
    num_threads: int | None,
    helpers: int,
) -> None:
    BATCH_CALLS[call](tok, [bytes(1 << 19)] * 30, num_threads)
    # Decoding goes through a batch twice, and so does encoding with offsets.
    assert len(started) in (helpers, 2 * helpers)
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("num_threads", [None, 8])
@pytest.mark.parametrize("call", BATCH_CALLS)
def test_a_small_batch_starts_no_thread(
    tok: Tokenizer, started: list[threading.Thread], call: str, num_threads: int | None
) -> None:
    BATCH_CALLS[call](tok, ["Hello world"] * 20, num_threads)
    assert started == []


class Changing:
    """Another thread that calls `change` over and over."""

    def __init__(self, change: Callable[[int], None]) -> None:
        self._change = change
        self._over = threading.Event()
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        turn = 0
        while not self._over.is_set():
            self._change(turn)
            self._running.set()
            turn += 1

    def __enter__(self) -> None:
        self._thread.start()
        self._running.wait()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@pytest.mark.parametrize("make", [bytearray, lambda size: np.zeros(size, np.uint8)])
def test_a_text_may_change_while_it_is_encoded(tok: Tokenizer, make: Any) -> None:
    text = make(1 << 18)
    view = np.frombuffer(text, np.uint8)
    pieces = [np.resize(np.frombuffer(s.encode(), np.uint8), view.size) for s in TEXTS if s]

    def change(turn: int) -> None:
        np.copyto(view, pieces[turn % len(pieces)])

    with Changing(change):
        for _ in range(10):
            results = [tok.encode(text), tok.encode_ragged([text] * 4, num_threads=2).ids]
            for ids in results:
                assert len(ids) > 0
                assert ids.min() >= 1
                assert ids.max() <= 65529
            assert 0 < tok.count(text) <= view.size


def test_a_text_may_change_while_its_offsets_are_found(tok: Tokenizer) -> None:
    text = np.zeros(1 << 18, np.uint8)

    def change(turn: int) -> None:
        text[turn % 3 :: 3] = [97, 0, 0xE4, 32, 0xFF][turn % 5]

    with Changing(change):
        for _ in range(10):
            batch, offsets = tok.encode_ragged_with_offsets([text] * 4, unit="byte", num_threads=2)
            # Of whatever was encoded: each text begins at 0, and each token where one has ended.
            for ids, start in zip(batch, batch.offsets.tolist(), strict=False):
                rows = offsets[start : start + len(ids)]
                assert rows[0, 0] == 0
                assert (rows[1:, 0] == rows[:-1, 1]).all()


def test_ids_may_change_while_their_offsets_are_found(tok: Tokenizer) -> None:
    ids = np.full(1 << 17, 98, np.uint16)

    def change(turn: int) -> None:
        ids[turn % 3 :: 3] = [98, 0, 10464, 3319, 2417, 33155, 65530][turn % 7]

    with Changing(change):
        for _ in range(10):
            text, offsets = tok.decode_with_offsets(ids, unknown="skip", errors="ignore")
            assert offsets.shape == (ids.size, 2)
            assert set(text) <= set("aHelo你🙂")
            assert (offsets >= 0).all()
            assert (offsets[:, 0] <= offsets[:, 1]).all()


def test_ids_may_change_while_they_are_decoded(tok: Tokenizer) -> None:
    ids = np.full(1 << 17, 33155, np.uint16)
    batch = TokenBatch(ids, np.arange(0, ids.size + 1, 1 << 12))

    def change(turn: int) -> None:
        ids[turn % 2 :: 2] = [98, 33155, 65530, 0][turn % 4]

    with Changing(change):
        for _ in range(10):
            documents = [
                tok.decode_bytes(ids, unknown="skip"),
                *tok.decode_bytes_batch(batch, unknown="skip", num_threads=2),
            ]
            # Whole tokens only, whichever they were.
            assert {document.replace(b"Hello", b"").strip(b"a") for document in documents} == {b""}


def test_ids_may_change_into_other_kinds_of_characters_while_they_are_decoded(
    tok: Tokenizer,
) -> None:
    ids = np.full(1 << 17, 98, np.uint16)
    batch = TokenBatch(ids, np.array([0, 1 << 12, ids.size]))
    part = tok.encode("好".encode()[:2])[0]

    def change(turn: int) -> None:
        ids[turn % 3 :: 3] = [98, 0, 10464, 2503, part, 33155, 65530][turn % 7]

    with Changing(change):
        for _ in range(30):
            for text in [
                tok.decode(ids, unknown="skip", errors="ignore"),
                *tok.decode_batch(batch, unknown="skip", errors="ignore", num_threads=2),
            ]:
                # Some text, kept as CPython would keep it: whole characters, in the smallest kind.
                assert set(text) <= set("aHeloé你")
                same = "".join(list(text))
                assert sys.getsizeof(same) == sys.getsizeof(text)
                assert same.isascii() == text.isascii()


def test_a_list_may_change_while_its_texts_are_encoded(tok: Tokenizer) -> None:
    pieces = [text * 100 for text in TEXTS]
    expected = tok.encode_ragged(pieces)
    texts: list[str] = []

    def change(_: int) -> None:
        texts.clear()
        texts.extend("".join([piece]) for piece in pieces)

    with Changing(change):
        for _ in range(30):
            batch = tok.encode_ragged(texts, num_threads=2)
            assert batch == expected[: len(batch)]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, RecursionError])
@pytest.mark.parametrize("call", ["encode_batch", "encode_ragged", "count_batch"])
def test_an_error_of_the_callers_generator_passes_through(
    tok: Tokenizer, call: str, error: type[BaseException]
) -> None:
    def texts() -> Iterator[str]:
        yield "Hello world"
        raise error("no more")

    with pytest.raises(error, match="no more"):
        getattr(tok, call)(texts(), num_threads=2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("busy", [False, True], ids=["after", "during"])
def test_a_forked_process_encodes_after_and_during_calls_in_threads(
    tok: Tokenizer, busy: bool
) -> None:
    texts = TEXTS * 2000
    expected = tok.encode_ragged(texts, num_threads=2)
    begun = threading.Event()

    def encode() -> None:
        begun.set()
        tok.encode_ragged(texts * 2, num_threads=2)

    thread = threading.Thread(target=encode)
    if busy:
        thread.start()
        begun.wait()
    child = os.fork()
    if child == 0:
        right = False
        try:
            signal.alarm(60)  # a deadlock must not keep the parent waiting
            right = tok.encode_ragged(texts, num_threads=2) == expected
        finally:
            os._exit(0 if right else 1)
    _, status = os.waitpid(child, 0)
    if busy:
        thread.join()
    assert status == 0
