"""Encoding with special tokens: found where a call allows them, plain text everywhere else."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import library
from reference import ReferenceTokenizer
from strategies import small_byte_strings, small_vocabularies, special_sets, texts_with

from rwkv_tok import Tokenizer, _encode, _kernels
from rwkv_tok._encode import Encoder
from rwkv_tok.vocabulary import Vocabulary

pa = library("pyarrow")
pl = library("polars")

PROFILE = {
    "<|im_start|>": 65530,
    "<|im_end|>": 65531,
    "<|endoftext|>": 65532,
    "<|think|>": 65533,
    "<|tool_call|>": 65534,
}

# Texts that nest, overlap and begin each other and ordinary tokens, of every width.
TANGLED = {
    "<": 65530,
    "<|a|>": 65531,
    "<|a|><|a": 65532,
    "|><": 65533,
    " Hello": 65534,
    "é\x00🙂": 65535,
}


def uint16_ids(call: Callable[[Any], int], text: str) -> list[int]:
    out = np.zeros(len(text.encode()), np.uint16)
    return out[: call(out)].tolist()


def streamed(tok: Tokenizer, pieces: Iterable[str | bytes], allowed: Any) -> list[int]:
    encoder = tok.stream_encoder(allowed_special=allowed)
    return [i for piece in pieces for i in encoder.feed(piece).tolist()] + encoder.flush().tolist()


def ragged(make: Callable[[list[str]], Any], **options: Any) -> Callable[..., list[list[int]]]:
    return lambda tok, texts, allowed: tok.encode_ragged(
        make(texts), allowed_special=allowed, **options
    ).to_list()


def each(encode: Callable[[Tokenizer, str, Any], list[int]]) -> Callable[..., list[list[int]]]:
    return lambda tok, texts, allowed: [encode(tok, text, allowed) for text in texts]


def as_bytes(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]


FORMS: dict[str, Callable[[Tokenizer, list[str], Any], list[list[int]]]] = {
    "encode": each(lambda tok, text, allowed: tok.encode(text, allowed_special=allowed).tolist()),
    "encode bytes": each(
        lambda tok, text, allowed: tok.encode(text.encode(), allowed_special=allowed).tolist()
    ),
    "encode_into": each(
        lambda tok, text, allowed: uint16_ids(
            lambda out: tok.encode_into(text, out, allowed_special=allowed), text
        )
    ),
    "encode_with_offsets": each(
        lambda tok, text, allowed: tok.encode_with_offsets(text, allowed_special=allowed)[
            0
        ].tolist()
    ),
    "stream_encoder": each(lambda tok, text, allowed: streamed(tok, [text], allowed)),
    "stream_encoder by character": each(streamed),
    "stream_encoder by byte": each(
        lambda tok, text, allowed: streamed(tok, (bytes([byte]) for byte in text.encode()), allowed)
    ),
    "encode_batch": lambda tok, texts, allowed: [
        ids.tolist() for ids in tok.encode_batch(texts, allowed_special=allowed)
    ],
    "encode_ragged_with_offsets": lambda tok, texts, allowed: tok.encode_ragged_with_offsets(
        texts, allowed_special=allowed
    )[0].to_list(),
    "encode_ragged": ragged(list),
    "encode_ragged, 2 threads": ragged(list, num_threads=2),
    "encode_ragged, iterator": ragged(iter),
    "encode_ragged, bytes": ragged(as_bytes),
    "encode_ragged, pyarrow string": ragged(lambda texts: pa.array(texts, pa.string())),
    "encode_ragged, pyarrow large string": ragged(lambda texts: pa.array(texts, pa.large_string())),
    "encode_ragged, pyarrow string view": ragged(lambda texts: pa.array(texts, pa.string_view())),
    "encode_ragged, pyarrow binary": ragged(lambda texts: pa.array(as_bytes(texts), pa.binary())),
    "encode_ragged, pyarrow binary view": ragged(
        lambda texts: pa.array(as_bytes(texts), pa.binary_view())
    ),
    "encode_ragged, chunks": ragged(
        lambda texts: pa.chunked_array([texts[:1], texts[1:]], pa.string())
    ),
    "encode_ragged, polars": ragged(lambda texts: pl.Series(texts, dtype=pl.String)),
}

COUNTS: dict[str, Callable[[Tokenizer, list[str], Any], list[int]]] = {
    "count": lambda tok, texts, allowed: [tok.count(t, allowed_special=allowed) for t in texts],
    "count_batch": lambda tok, texts, allowed: tok.count_batch(
        texts, allowed_special=allowed
    ).tolist(),
}

forms = pytest.mark.parametrize("form", FORMS)
counts = pytest.mark.parametrize("form", COUNTS)
kernels = pytest.mark.parametrize("kernel", _kernels.available())
fewer = settings(max_examples=20)  # for each of many forms


@pytest.fixture(scope="module")
def chat(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens(PROFILE)


@pytest.fixture(scope="module")
def tangled(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens(TANGLED)


def oracle_of(reference: ReferenceTokenizer, allowed: Iterable[str]) -> ReferenceTokenizer:
    """The oracle with some of TANGLED."""
    return reference.with_special_tokens({text: TANGLED[text] for text in allowed})


subsets = st.sets(st.sampled_from(list(TANGLED)))


@forms
@fewer
@given(batch=st.lists(texts_with(TANGLED), max_size=4), allowed=subsets)
def test_what_a_call_allows_is_found_and_nothing_else(
    tangled: Tokenizer,
    reference: ReferenceTokenizer,
    form: str,
    batch: list[str],
    allowed: set[str],
) -> None:
    encode = FORMS[form]
    assert encode(tangled, batch, ()) == list(map(reference.encode, batch))
    assert encode(tangled, batch, "all") == list(map(oracle_of(reference, TANGLED).encode, batch))
    assert encode(tangled, batch, allowed) == list(map(oracle_of(reference, allowed).encode, batch))


@counts
@fewer
@given(batch=st.lists(texts_with(TANGLED), max_size=4), allowed=subsets)
def test_counts_are_those_of_the_oracle(
    tangled: Tokenizer,
    reference: ReferenceTokenizer,
    form: str,
    batch: list[str],
    allowed: set[str],
) -> None:
    for texts, leave in [([], ()), (TANGLED, "all"), (allowed, allowed)]:
        expected = [len(ids) for ids in map(oracle_of(reference, texts).encode, batch)]
        assert COUNTS[form](tangled, batch, leave) == expected


@pytest.mark.parametrize("unit", ["char", "byte"])
@fewer
@given(batch=st.lists(texts_with(TANGLED), max_size=4))
def test_offsets_are_those_of_the_oracle(
    tangled: Tokenizer, reference: ReferenceTokenizer, unit: Any, batch: list[str]
) -> None:
    expected = [oracle_of(reference, TANGLED).offsets(text, unit) for text in batch]
    options: Any = {"unit": unit, "allowed_special": "all"}
    alone = [tangled.encode_with_offsets(text, **options)[1].tolist() for text in batch]
    assert [list(map(tuple, offsets)) for offsets in alone] == expected
    offsets = tangled.encode_ragged_with_offsets(batch, **options)[1].tolist()
    assert list(map(tuple, offsets)) == [pair for pairs in expected for pair in pairs]


def compare(
    kernel: str, tokens: dict[int, bytes], special: dict[str, int], texts: list[str | bytes]
) -> None:
    vocabulary = Vocabulary.from_tokens(tokens).with_special_tokens(special)
    encoder = Encoder(vocabulary.trie, vocabulary.base.tokens, kernel)
    matcher = vocabulary.special.matcher("all")
    oracle = ReferenceTokenizer(tokens).with_special_tokens(special)
    _encode.encode(encoder, "Enough for a memo. " * 4000)
    for text in texts * 2:  # the second time a memo knows them
        assert _encode.encode(encoder, text, matcher).tolist() == oracle.encode(text)


@kernels
@settings(max_examples=10)  # of ten texts, and a vocabulary takes a while to make
@given(data=st.data())
def test_every_kernel_agrees_with_the_oracle_whatever_the_vocabulary(
    kernel: str, data: st.DataObject
) -> None:
    tokens = data.draw(small_vocabularies())
    special = data.draw(special_sets(tokens))
    strings: list[str | bytes] = [*data.draw(st.lists(texts_with(special), max_size=4))]
    loose = data.draw(st.lists(small_byte_strings(), max_size=4))
    # Within bytes that are no UTF-8 they are found as well.
    mixed = b"".join(a + b.encode() for a, b in zip(loose, special, strict=False))
    compare(kernel, tokens, special, [*strings, *loose, mixed])


LONGEST = "é" + "<" * 1020 + "é"

ODD_SETS: dict[str, dict[str, int]] = {
    "one byte": {"a": 300},
    "NUL": {"\x00": 300, "\x00\x00\x00": 301},
    "each a prefix of the next": {"a": 300, "ab": 301, "abc": 302, "abcd": 303, "abcdef": 304},
    "no prefix of its own": {"abcdefgh": 300, "cde": 301, "efgh": 302},
    "1 KiB": {LONGEST: 300, LONGEST[:-1]: 301, "<<": 302},
    "Chinese": {"中": 300, "中文": 301, "文中": 302},
    "emoji": {"🙂": 300, "🙂🙂🙂": 301},
    "equal to ordinary tokens": {"ab": 300, "é": 301},
    "every ASCII character": {chr(code): 300 + code for code in range(128)},
}


@kernels
@pytest.mark.parametrize("odd", ODD_SETS)
def test_odd_sets_agree_with_the_oracle(
    byte_tokens: dict[int, bytes], kernel: str, odd: str
) -> None:
    tokens = byte_tokens | {257: b"ab", 258: b"abcde", 259: "é".encode(), 260: "文中".encode()}
    words = list(ODD_SETS[odd])
    begun = [word[:place] for word in words for place in range(1, min(len(word), 8))]
    texts = [a + b + c for a in words[:6] for b in (*words[:6], *begun, "x") for c in ("", "b")]
    compare(kernel, tokens, ODD_SETS[odd], [*texts, "abcdefghabcde\x00" * 3, "中文中文文中🙂" * 3])


def test_a_special_token_begins_where_the_leftmost_one_does(tok: Tokenizer) -> None:
    special = tok.with_special_tokens({"ab": 65530, "bcd": 65531, "abcde": 65532})
    rest = tok.encode("cd").tolist()
    assert special.encode("abcd", allowed_special="all").tolist() == [65530, *rest]
    assert special.encode("abcde", allowed_special="all").tolist() == [65532]
    assert special.encode("xbcd", allowed_special="all").tolist() == [121, 65531]


def test_an_ordinary_token_ends_where_a_special_one_begins(tok: Tokenizer) -> None:
    special = tok.with_special_tokens({"lo wor": 65530})
    assert special.encode("Hello world").tolist() == [33155, 40213]
    ids = special.encode("Hello world", allowed_special="all").tolist()
    assert ids == [*tok.encode("Hel").tolist(), 65530, *tok.encode("ld").tolist()]


def test_each_text_of_a_batch_ends_its_own_special_tokens(tok: Tokenizer, chat: Tokenizer) -> None:
    batch = chat.encode_ragged(["<|im_", "end|>"], allowed_special="all", append_eot=True)
    assert batch.to_list() == [[*tok.encode(part).tolist(), 0] for part in ("<|im_", "end|>")]


@pytest.mark.parametrize("allowed", [{"<|im_end|>"}, ["<|im_end|>"], {"<|im_end|>": 1}], ids=repr)
@forms
def test_any_collection_may_name_them(
    tok: Tokenizer, chat: Tokenizer, form: str, allowed: Any
) -> None:
    start = tok.encode("<|im_start|>").tolist()
    assert FORMS[form](chat, ["<|im_start|><|im_end|>"], allowed) == [[*start, 65531]]


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "another str": ("<|im_end|>", ValueError, "put it into a set"),
    "the empty str": ("", ValueError, "put it into a set"),
    "an unknown text": ({"<|x|>"}, ValueError, r"no special token '<\|x\|>'; .*'<\|im_start\|>'"),
    "the name of a set": ({"all"}, ValueError, "no special token 'all'"),
    "bytes among texts": ({b"<|im_end|>"}, TypeError, "must hold texts .*, not bytes"),
    "bytes": (b"all", TypeError, "must hold texts .*, not int"),
    "an id": ({65530}, TypeError, "must hold texts .*, not int"),
    "a list in a list": ([["<|im_end|>"]], TypeError, "must hold texts .*, not list"),
    "a number": (5, TypeError, "not int"),
    "None": (None, TypeError, "not NoneType"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("form", [*FORMS, *COUNTS])
def test_what_names_no_special_token_is_refused(chat: Tokenizer, form: str, wrong: str) -> None:
    allowed, error, message = WRONG[wrong]
    with pytest.raises(error, match=message):
        (FORMS | COUNTS)[form](chat, ["text"], allowed)


def test_what_can_be_read_only_once_may_name_them_as_well(tok: Tokenizer) -> None:
    special = tok.with_special_tokens({"<x>": 65530})
    for _ in range(2):
        assert special.encode("<x>", allowed_special=iter(["<x>"])).tolist() == [65530]
    with pytest.raises(ValueError, match="no special token '<y>'"):
        special.encode("<x>", allowed_special=iter(["<y>"]))


@pytest.mark.parametrize("nothing", [(), [], set(), frozenset(), {}], ids=repr)
def test_nothing_is_allowed_by_an_empty_collection(chat: Tokenizer, nothing: Any) -> None:
    assert len(chat.encode("<|im_end|>", allowed_special=nothing)) == 7


@forms
def test_a_tokenizer_without_any_has_none_to_allow(tok: Tokenizer, form: str) -> None:
    plain = [tok.encode("<|im_end|>").tolist()]
    assert FORMS[form](tok, ["<|im_end|>"], "all") == plain
    assert FORMS[form](tok, ["<|im_end|>"], set()) == plain
    with pytest.raises(ValueError, match="none: make one by with_special_tokens"):
        FORMS[form](tok, ["<|im_end|>"], {"<|im_end|>"})
