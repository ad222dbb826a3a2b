"""Plan: what is in range, and what makes two runs different."""

import json
from dataclasses import replace
from typing import Any

import pytest

from rwkv_tok.data.preparing.plan import Arrangement, Plan
from rwkv_tok.data.reading.documents import ReadOptions
from rwkv_tok.data.reading.source import Source
from rwkv_tok.errors import DataError

SOURCE = Source("a.jsonl", "jsonl", None, 10, 20)
STDIN = Source("-", "jsonl", None, 0, 0)


def plan_of(**changed: Any) -> Plan:
    options: dict[str, Any] = {
        "fingerprint": "f" * 64,
        "sources": (SOURCE, replace(SOURCE, path="b.jsonl")),
        "reading": ReadOptions(separator=b"\xff\n"),
        "min_tokens": 0,
        "max_tokens": 100,
        "arrangement": Arrangement(),
    }
    return Plan(**options | changed)


def written(plan: Plan) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(plan.to_json()))
    return content


def test_a_plan_is_itself_after_being_written_down() -> None:
    assert plan_of().difference(written(plan_of())) is None


def test_what_else_is_known_of_a_source_makes_no_difference() -> None:
    earlier = written(plan_of())
    earlier["sources"][0]["xxh128"] = "0"
    assert plan_of().difference(earlier) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fingerprint": "0" * 64}, "fingerprint was 'ffff"),
        ({"min_tokens": 1}, "min_tokens was 0 there and is 1 here"),
        ({"max_tokens": 99}, "max_tokens was 100 there and is 99 here"),
        ({"reading": ReadOptions("body", b"\xff\n")}, "text_field was 'text' there and is 'body'"),
        ({"reading": ReadOptions()}, r"separator was 'ÿ\n' there and is None here"),
        ({"reading": ReadOptions("text", b"\xff\n", 5)}, "part_size was 4194304 there and is 5"),
        ({"arrangement": Arrangement(limit=3)}, "limit was None there and is 3 here"),
        ({"arrangement": Arrangement(epochs=3)}, "epochs was 1 there and is 3 here"),
        ({"arrangement": Arrangement(shuffle=True)}, "shuffle was False there and is True here"),
        ({"arrangement": Arrangement(seed=3)}, "seed was 0 there and is 3 here"),
        ({"arrangement": Arrangement(single_item=True)}, "single_item was False there"),
        ({"arrangement": Arrangement(valid_fraction=0.5)}, "valid_fraction was 0.0 there"),
        ({"sources": (SOURCE,)}, "it has 2 input files, not 1"),
        ({"sources": (SOURCE, SOURCE)}, "it reads b.jsonl where this one reads a.jsonl"),
    ],
)
def test_a_difference_is_named(changed: dict[str, Any], message: str) -> None:
    assert message in str(plan_of(**changed).difference(written(plan_of())))


@pytest.mark.parametrize(
    "changed", [{"size": 11}, {"mtime_ns": 21}, {"format": "text"}, {"compression": "gzip"}]
)
def test_a_changed_source_is_named(changed: dict[str, Any]) -> None:
    plan = plan_of(sources=(SOURCE, replace(SOURCE, path="b.jsonl", **changed)))
    assert str(plan.difference(written(plan_of()))).startswith("b.jsonl has changed since")


@pytest.mark.parametrize("earlier", [{}, [], {"revision": 1}, {"revision": 0}, None, "text"])
def test_what_is_no_plan_is_of_another_version(earlier: Any) -> None:
    assert plan_of().difference(earlier) == "it was made by another version"


def test_another_revision_makes_other_bytes() -> None:
    earlier = written(plan_of()) | {"revision": 99}
    assert plan_of().difference(earlier) == "it was made by another version"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sources": ()}, "no input"),
        ({"min_tokens": -1}, "documents of -1 to 100 tokens"),
        ({"min_tokens": 101}, "documents of 101 to 100 tokens: there are none"),
        ({"max_tokens": 2**31 - 1}, "a document has at most 2147483646"),
        ({"reading": ReadOptions(separator=b"")}, "separator must not be empty"),
        ({"reading": ReadOptions("")}, "no field can be called ''"),
        ({"reading": ReadOptions("a..b")}, "no field can be called 'a..b'"),
        ({"arrangement": Arrangement(limit=0)}, "limit must be at least 1, not 0"),
        ({"arrangement": Arrangement(epochs=0)}, "epochs must be at least 1, not 0"),
        ({"arrangement": Arrangement(valid_fraction=1.0)}, "valid_fraction must be in 0"),
        ({"arrangement": Arrangement(valid_fraction=-0.1)}, "valid_fraction must be in 0"),
        ({"arrangement": Arrangement(valid_fraction=float("nan"))}, "valid_fraction must be in 0"),
        ({"arrangement": Arrangement(seed=-1)}, "seed must be in 0"),
        ({"arrangement": Arrangement(seed=2**64)}, "seed must be in 0"),
    ],
)
def test_what_is_out_of_range_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        plan_of(**changed)


def test_standard_input_cannot_be_read_once_more() -> None:
    assert plan_of().is_restartable
    assert not plan_of(sources=(SOURCE, STDIN)).is_restartable


@pytest.mark.parametrize(
    ("arrangement", "expected"),
    [
        (Arrangement(), True),
        (Arrangement(limit=3, seed=4, single_item=True), True),
        (Arrangement(epochs=2), False),
        (Arrangement(shuffle=True), False),
        (Arrangement(valid_fraction=0.1), False),
    ],
)
def test_documents_that_stay_as_they_are_need_no_arranging(
    arrangement: Arrangement, expected: bool
) -> None:
    assert arrangement.is_plain is expected
