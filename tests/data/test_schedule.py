"""Schedule: every part is handed out once, and streams stay with their workers."""

from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok.data.preparing.schedule import PartId, Schedule
from rwkv_tok.data.reading.source import Source
from rwkv_tok.errors import DataError

PART = 100


def source(size: int, *, stream: bool = False) -> Source:
    return Source("any", "jsonl", "gzip" if stream else None, size, 0)


def part_count(source: Source) -> int | None:
    return None if source.compression else max(1, -(-source.size // PART))


def schedule(sources: list[Source], start: PartId = (0, 0)) -> Schedule:
    return Schedule(sources, part_count, PART, start)


def test_parts_come_in_order() -> None:
    parts = schedule([source(250), source(100)])
    assert [parts.take(worker) for worker in (0, 1, 0, 2, 1)] == [
        [(0, 0), (0, 1)],
        [(0, 2), (1, 0)],
        [],
        [],
        [],
    ]


def test_small_sources_are_handed_out_together() -> None:
    parts = schedule([source(10)] * 25)
    assert [len(parts.take(0)) for _ in range(4)] == [10, 10, 5, 0]


def test_empty_sources_are_handed_out_some_at_a_time() -> None:
    parts = schedule([source(0)] * 1000)
    taken = []
    while some := parts.take(0):
        assert len(some) < 500
        taken += some
    assert taken == [(number, 0) for number in range(1000)]


def test_a_run_goes_on_where_it_was() -> None:
    parts = schedule([source(100), source(250), source(100)], (1, 2))
    assert parts.take(0) == [(1, 2), (2, 0)]
    assert parts.take(0) == []


def test_a_stream_stays_with_its_worker_and_others_begin_what_follows() -> None:
    parts = schedule([source(0, stream=True), source(0, stream=True), source(200)])
    assert parts.take(0) == [(0, 0)]
    assert parts.take(1) == [(1, 0)]
    assert parts.take(0) == [(0, 1)]
    assert [parts.take(2), parts.take(2)] == [[(2, 0)], [(2, 1)]]
    assert parts.take(1) == [(1, 1)]


def test_who_has_nothing_to_do_helps_with_the_first_stream() -> None:
    parts = schedule([source(0, stream=True), source(0, stream=True)])
    assert [parts.take(worker) for worker in (0, 1, 2, 0)] == [
        [(0, 0)],
        [(1, 0)],
        [(0, 1)],
        [(0, 2)],
    ]
    parts.end_stream(0)
    assert parts.take(2) == [(1, 1)]
    parts.end_stream(1)
    assert [parts.take(worker) for worker in (0, 1, 2)] == [[], [], []]


def test_a_stream_goes_on_where_it_was() -> None:
    parts = schedule([source(0, stream=True), source(0, stream=True)], (0, 7))
    assert [parts.take(0), parts.take(0), parts.take(1)] == [[(0, 7)], [(0, 8)], [(1, 0)]]


def test_a_stream_that_has_ended_can_be_ended_again() -> None:
    parts = schedule([source(0, stream=True)])
    parts.take(0)
    parts.end_stream(0)
    parts.end_stream(0)
    assert parts.take(0) == []


def test_parts_are_counted_once() -> None:
    counted: list[int] = []

    def count(source: Source) -> int:
        counted.append(source.size)
        return 5

    parts = Schedule([source(500), source(501)], count, PART)
    while parts.take(0):
        pass
    assert counted == [500, 501]


def test_who_reads_a_source_finds_out_what_is_wrong_with_it() -> None:
    def fail(_: Source) -> int:
        raise DataError("damaged")

    parts = Schedule([source(10), source(10)], fail, PART)
    assert parts.take(0) == [(0, 0), (1, 0)]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 500)), max_size=8),
    st.lists(st.integers(0, 4), max_size=60),
)
def test_every_part_is_handed_out_once(made: list[tuple[bool, int]], workers: list[int]) -> None:
    sources = [source(size, stream=stream) for stream, size in made]
    ends = [max(1, -(-each.size // PART)) for each in sources]
    parts = schedule(sources)
    taken: list[PartId] = []
    for worker in [*workers, *range(5), *([0] * 100)]:
        some = parts.take(worker)
        assert some == sorted(some)
        taken += some
        for number, part in some:
            if part + 1 >= ends[number]:
                parts.end_stream(number)
    assert parts.take(0) == []
    assert len(set(taken)) == len(taken)
    assert {(number, part) for number, part in taken if part < ends[number]} == {
        (number, part) for number, end in enumerate(ends) for part in range(end)
    }
