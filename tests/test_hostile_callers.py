"""Callers that change, fake or misalign what they pass in get an error, not a crash or a hang."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from rwkv_tok import TokenBatch, Tokenizer
from rwkv_tok._tokens import TokenTable
from rwkv_tok.vocabulary import Vocabulary


@pytest.mark.parametrize("offset", [1000, 1 << 33, -1])
def test_offsets_that_were_changed_after_the_batch_was_made_are_an_error(
    tok: Tokenizer, offset: int
) -> None:
    offsets = np.array([0, 2, 4])
    batch = TokenBatch(np.array([98, 99, 100, 101], np.uint16), offsets)
    offsets[1] = offset
    with pytest.raises(ValueError, match="offsets of the batch have been changed"):
        tok.decode_bytes_batch(batch)


def test_an_encoded_batch_cannot_be_made_writable(tok: Tokenizer) -> None:
    batch = tok.encode_ragged(["Hello world"])
    for array in (batch.ids, batch.offsets, batch[0]):
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            array.flags.writeable = True


def test_an_arrow_stream_whose_producer_needs_the_gil_does_not_hang() -> None:
    pytest.importorskip("pyarrow", exc_type=ModuleNotFoundError)
    # Its reader reads ahead in threads of its own, from a Python file.
    code = (
        "import io, pyarrow as pa, pyarrow.csv, rwkv_tok\n"
        "lines = b'text\\n' + b'hello world\\n' * 1_000_000\n"
        "reader = pyarrow.csv.open_csv(pa.PythonFile(io.BytesIO(lines), mode='r'))\n"
        "print(len(rwkv_tok.load().count_batch(reader)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "1000000\n"), done.stderr


class Deceiver(str):
    __slots__ = ()

    def encode(self, *_: object) -> bytes:  # type: ignore[override]
        return b"something else"

    def isascii(self) -> bool:
        return False


def test_offsets_are_those_of_the_characters_whatever_a_subclass_says(tok: Tokenizer) -> None:
    ids, offsets = tok.encode_with_offsets(Deceiver("Hello"))
    assert (ids.tolist(), offsets.tolist()) == ([33155], [[0, 5]])
    assert tok.token_id(Deceiver("Hello")) == 33155


def tables(**changes: object) -> dict[str, object]:
    lengths = np.zeros(65536, np.uint16)
    lengths[1:257] = 1
    starts = np.zeros(65536, np.uint32)
    starts[1:257] = np.arange(256)
    return {"source": bytes(range(256)), "starts": starts, "lengths": lengths} | changes


@pytest.mark.parametrize(("token_id", "length"), [(300, 1025), (300, 20000), (0, 1)])
def test_a_table_refuses_tokens_that_the_encoder_does_not_allow(token_id: int, length: int) -> None:
    table = tables(source=bytes(30000))
    table["lengths"][token_id] = length  # type: ignore[index]
    with pytest.raises(ValueError, match="id 0 has a token, or one is longer than 1024 bytes"):
        TokenTable(**table)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"source": b"short"},
        {"starts": np.zeros(65536, np.int64)},
        {"lengths": np.zeros(65536, np.uint32)},
        {"lengths": np.zeros(65535, np.uint16)},
    ],
)
def test_a_table_refuses_arrays_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"source|starts"):
        TokenTable(**tables(**changes))  # type: ignore[arg-type]


def test_a_forged_pickle_with_too_long_a_token_is_refused(byte_tokens: dict[int, bytes]) -> None:
    tok = Tokenizer.from_tokens(byte_tokens | {300: b"x" * 1000})
    function, (cls, name, ids, lengths, block) = tok.__reduce__()
    lengths = lengths[:-2] + (2000).to_bytes(2, "little")
    with pytest.raises(ValueError, match="longer than 1024 bytes"):
        function(cls, name, ids, lengths, block + bytes(1000))
    assert pickle.loads(pickle.dumps(tok)) == tok


def test_unaligned_memory_is_an_error_where_it_is_written_or_kept(tok: Tokenizer) -> None:
    unaligned = np.frombuffer(bytearray(17), np.uint16, offset=1)
    with pytest.raises(ValueError, match="not aligned"):
        tok.encode_into("Hello world", unaligned)
    with pytest.raises(ValueError, match="aligned"):
        TokenBatch(unaligned, np.array([0, 8]))
    assert tok.decode_bytes(unaligned) == b""


def test_a_batch_given_to_decode_is_an_error_that_names_its_documents(tok: Tokenizer) -> None:
    with pytest.raises(TypeError, match="ids must be integers, not ndarray"):
        tok.decode(tok.encode_ragged(["Hello world"]))
    with pytest.raises(TypeError, match="must be a TokenBatch or an iterable of ids, not int"):
        tok.decode_batch(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["S1", "V1"])
def test_an_array_of_single_bytes_is_no_single_text(tok: Tokenizer, dtype: str) -> None:
    array = np.array([b"a", b"b"], dtype)
    if dtype == "S1":
        assert tok.encode_ragged(array).to_list() == [[98], [99]]
    else:
        with pytest.raises(TypeError, match="a text must be str or a buffer of bytes, not void"):
            tok.encode_ragged(array)


def test_to_arrow_without_pyarrow_says_what_to_install(
    tok: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'rwkv-tok\[arrow\]'"):
        tok.encode_ragged(["a"]).to_arrow()


def test_a_vocabulary_keeps_no_lock_that_a_fork_could_find_taken() -> None:
    # functools.cached_property has one before Python 3.12.
    assert type(vars(Vocabulary)["fingerprint"]) is property
    assert type(vars(Vocabulary)["ids"]) is property


LYING_ARRAYS = {
    "length": "__len__ = lambda self: 10**8",
    "dtype": "dtype = property(lambda self: np.dtype(np.int64))",
    "copy": "copy = lambda self, *_: np.zeros(1, np.uint16)",
}


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("lie", LYING_ARRAYS)
def test_ids_are_those_of_the_array_whatever_a_subclass_says(lie: str, skip: bool) -> None:
    # In a process of its own, which may crash.
    code = (
        "import numpy as np, rwkv_tok\n"
        f"class Lying(np.ndarray):\n    {LYING_ARRAYS[lie]}\n"
        "tok = rwkv_tok.load().with_special_tokens('v20260603')\n"
        "ids = np.full(5_000_000, 98, np.uint16).view(Lying)\n"
        f"text, offsets = tok.decode_with_offsets(ids, skip_special_tokens={skip})\n"
        "print(len(text), offsets.shape, offsets[-1].tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = (0, "5000000 (5000000, 2) [4999999, 5000000]\n")
    assert (done.returncode, done.stdout) == expected, done.stderr
