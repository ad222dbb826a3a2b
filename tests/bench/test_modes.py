"""Each mode runs, on next to nothing, and what it measures is the right thing; not how fast."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner

from bench import contestants, kernels, packages, processes, serving, texts
from bench.__main__ import main
from rwkv_tok import Tokenizer


def run(*arguments: str) -> str:
    outcome = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def results(path: Path) -> list[dict[str, object]]:
    return json.loads(path.read_bytes())["results"]


@pytest.fixture
def corpora(tmp_path: Path) -> list[str]:
    """Two small corpora."""
    (tmp_path / "english.txt").write_text("How many tokens are in this line?\n" * 200)
    lines = (json.dumps({"text": "今天天气很好，我们去公园散步吧。" * 20}) for _ in range(9))
    (tmp_path / "chinese.jsonl").write_text("\n".join(lines))
    return [str(tmp_path / "english.txt"), str(tmp_path / "chinese.jsonl")]


def test_speed(corpora: list[str], tmp_path: Path) -> None:
    path, names = tmp_path / "speed.json", ("encode", "batch", "decode", "tweets", "short")
    tables = [argument for name in names for argument in ("--table", name)]
    sizes = ["--size", "tweet", "--size", "page"]
    output = run(
        "speed", *corpora, *tables, *sizes, "--rounds", "2", "--tweets", "50", "--json", str(path),
        "--plots", str(tmp_path),
    )  # fmt: skip
    assert "encode, one thread: tweet, MB/s" in output
    assert (tmp_path / "speed.svg").exists()
    found = results(path)
    assert {result["corpus"] for result in found} >= {"english", "chinese"}
    for result in found:
        assert len(result["samples"]) == 2
        assert min(result["samples"]) > 0
    peers = {result["contestant"]: result["ratio"] for result in found}
    if importlib.util.find_spec("pyrwkv_tokenizer"):
        assert peers["pyrwkv-tokenizer encode"] == 1
    assert "rwkv-tok encode_ragged, Arrow in" in peers


def test_ablation_and_a_plot_of_it(corpora: list[str], tmp_path: Path) -> None:
    path = tmp_path / "ablation.json"
    run("ablation", *corpora, "--operation", "count", "--rounds", "2", "--json", str(path))
    assert {result["contestant"] for result in results(path)} == set(kernels.available())
    assert "ablation.svg" in run("plot", str(path), "--plots", str(tmp_path / "new"))
    assert (tmp_path / "new" / "ablation.svg").exists()


def test_serving(corpora: list[str], tmp_path: Path) -> None:
    path = tmp_path / "serving.json"
    output = run("serving", *corpora, "--rounds", "2", "--json", str(path))
    assert "text out, an id at a time, ns" in output
    ratios = {(result["contestant"], result["corpus"]): result["ratio"] for result in results(path)}
    assert ratios["bytes.decode", "chinese"] == 1
    assert ratios.keys() >= {
        ("stream_decoder", "english"),
        ("loaded and allowed", "english"),
        ("with offsets in characters", "chinese"),
    }


def test_serving_compares_what_it_measures() -> None:
    with pytest.raises(ClickException, match="some table: other differs from first"):
        serving.check("some table", {"first": [lambda: ["text"]], "other": [lambda: ["test"]]})


def test_adversarial(tmp_path: Path) -> None:
    path = tmp_path / "adversarial.json"
    run("adversarial", "--megabytes", "0.01", "--rounds", "1", "--json", str(path))
    assert {result["amount"] for result in results(path)} == {10_000}


def test_threads_beside_processes(corpora: list[str], tmp_path: Path) -> None:
    path = tmp_path / "threads.json"
    run("speed", *corpora, "--table", "threads", "--large", "0.1", "--json", str(path))
    amounts = {
        (result["contestant"], result["corpus"]): result["amount"] for result in results(path)
    }
    for batch in ("pages", "one document"):
        in_threads = amounts[processes.IN_THREADS, batch]
        assert amounts[processes.IN_PROCESSES, batch] == 2 * in_threads
        assert in_threads == pytest.approx(1e5, rel=0.01)


def test_a_corpus_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"content": "text"}\n')
    outcome = CliRunner().invoke(main, ["speed", str(tmp_path / "a.jsonl")])
    assert outcome.exit_code == 2
    assert "no text in the field 'text'" in outcome.output


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("package", [packages.NUMPY, packages.OURS])
def test_a_fresh_process_tells_how_it_started(package: str) -> None:
    answer = processes.fresh(f"start({package!r})")
    parts = [answer[part] for part in processes.PARTS_OF_START]
    assert sum(parts[:-1]) == pytest.approx(parts[-1])
    assert answer["memory"] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_fresh_process_tells_what_it_holds_at_work() -> None:
    assert 0 <= processes.fresh("work(2)")["memory"] < 100e6


def test_different_ids_stop_the_comparison(tok: Tokenizer) -> None:
    given = texts.Texts("english", "page", ["Hello world"])
    everyone = contestants.ENCODE.contestants
    encode, count = (next(c for c in everyone if c.gives == gives) for gives in ("ids", "counts"))
    contestants.check(encode, [[33155, 40213]], given, tok)
    contestants.check(count, [2], given, tok)
    with pytest.raises(
        ValueError, match=r"differs from rwkv-tok in document 0 of english \(page\)"
    ):
        contestants.check(encode, [[33155]], given, tok)
    with pytest.raises(ValueError, match="nothing to compare"):
        contestants.check(count, [1], given, tok)


def test_a_path_that_is_not_there_is_an_error() -> None:
    with pytest.raises((ValueError, ChildProcessError)), kernels.servers(["no such path"], [[""]]):
        pass


@pytest.mark.parametrize("options", [[], ["--shuffle"]])
def test_prepare(options: list[str], corpora: list[str], tmp_path: Path) -> None:
    path = tmp_path / "prepare.json"
    arguments = ["--megabytes", "0.05", "--workers", "1", "--rounds", "1", "--json", str(path)]
    run("prepare", *corpora, *arguments, *options)
    contestants = {result["contestant"] for result in results(path)}
    assert contestants >= {"prepare, 1 worker(s)", "verify"}
