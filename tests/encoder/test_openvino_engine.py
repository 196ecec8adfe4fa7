"""The engine that runs an OpenVINO model: order, streaming, threads, precision, caching."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tiny_checkpoints import CONFIG, random_tensors

import multilabel_bert
from multilabel_bert.encoder import cpu_features
from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
from multilabel_bert.encoder.openvino_graph import build_graph
from multilabel_bert.errors import SettingsError


@pytest.fixture(scope="module")
def graph():
    return build_graph(CONFIG, random_tensors(), outputs=("pooled", "mean"))


@pytest.fixture(scope="module")
def engine(graph):
    return OpenVINOEngine(graph, precision="float32")


def batches(number, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(number):
        ids = rng.integers(1, 20, (rng.integers(1, 5), rng.integers(2, 17))).astype(np.int32)
        yield {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
            "row": np.zeros(1),  # what the model does not ask for is left aside
        }


def same(a, b):
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], atol=1e-6)


def test_results_come_in_the_order_of_the_batches(engine):
    results = list(engine.run(batches(50)))
    assert len(results) == 50
    for result, batch in zip(results, batches(50), strict=True):
        assert list(result) == ["pooled", "mean"]
        same(result, engine.infer(batch))


def test_results_are_not_overwritten_by_later_batches(engine):
    results = engine.run(batches(40))
    first = next(results)
    kept = {name: array.copy() for name, array in first.items()}
    list(results)
    same(first, kept)


def test_batches_are_read_only_a_few_ahead(engine):
    read = 0

    def counted():
        nonlocal read
        for batch in batches(1000):
            read += 1
            yield batch

    results = engine.run(counted())
    for taken in range(1, 6):
        next(results)
        assert read <= taken + 2 * engine.jobs + 1
    results.close()
    assert read < 100


def test_no_batches_give_no_results(engine):
    assert list(engine.run([])) == []


def test_an_error_in_a_batch_is_raised_and_the_engine_still_works(engine):
    wrong = next(batches(1)) | {"attention_mask": np.ones((9, 9), np.int32)}
    with pytest.raises(ValueError, match=r"differ in texts or tokens: .*attention_mask \(9, 9\)"):
        list(engine.run([*batches(3), wrong, *batches(3)]))
    with pytest.raises(KeyError, match="token_type_ids"):
        list(engine.run([{"input_ids": wrong["input_ids"], "attention_mask": np.ones((1, 1))}]))
    assert len(list(engine.run(batches(9)))) == 9


def test_several_threads_can_use_one_engine(engine):
    results = {}

    def work(seed):
        results[seed] = list(engine.run(batches(20, seed)))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        for result, batch in zip(results[seed], batches(20, seed), strict=True):
            same(result, engine.infer(batch))


def test_one_batch_after_another_asks_nothing_of_the_compiled_model(graph, monkeypatch):
    # While a batch is computed, the compiled model answers only when it is done.
    engine = OpenVINOEngine(graph, precision="float32")
    first, second, third = batches(3)
    expected = engine.infer(first)
    monkeypatch.setattr(engine, "_compiled", None)
    assert engine.jobs >= 1
    engine.infer(second)
    (again,) = engine.run([first])
    np.testing.assert_array_equal(again["mean"], expected["mean"])
    broken = {**third, "input_ids": third["input_ids"][:, :1]}
    with pytest.raises(ValueError, match="differ"):
        engine.infer(broken)
    np.testing.assert_array_equal(engine.infer(first)["mean"], expected["mean"])


@pytest.mark.parametrize("options", [{"hint": "latency"}, {"streams": 1, "threads": 1}])
def test_hints_do_not_change_the_result(graph, engine, options):
    other = OpenVINOEngine(graph, precision="float32", **options)
    assert other.jobs == 1
    for result, batch in zip(other.run(batches(5)), batches(5), strict=True):
        same(result, engine.infer(batch))


def test_bfloat16_is_close_and_is_not_float32(graph, engine):
    if not cpu_features.has_bfloat16():
        pytest.skip("this CPU has no bfloat16 instructions")
    lower = OpenVINOEngine(graph, precision="auto")
    assert lower.precision == "bfloat16"
    exact = np.concatenate([r["pooled"] for r in engine.run(batches(20))])
    rounded = np.concatenate([r["pooled"] for r in lower.run(batches(20))])
    difference = np.abs(exact - rounded)
    assert difference.max() > 1e-4
    assert np.quantile(difference, 0.99) < 0.05


def test_compiled_models_are_kept_in_the_cache_directory(graph, engine, tmp_path):
    for _ in range(2):
        cached = OpenVINOEngine(graph, precision="float32", cache_directory=tmp_path / "cache")
        assert len(list((tmp_path / "cache" / "float32").glob("*.blob"))) == 1
        batch = next(batches(1))
        same(cached.infer(batch), engine.infer(batch))


def test_a_cached_model_is_not_taken_for_one_of_another_precision(graph, tmp_path):
    if not cpu_features.has_bfloat16():
        pytest.skip("this CPU has no bfloat16 instructions")
    batch = next(batches(1))
    cache = tmp_path / "cache"
    OpenVINOEngine(graph, precision="float32", cache_directory=cache)
    for _ in range(2):
        cached = OpenVINOEngine(graph, precision="bfloat16", cache_directory=cache)
        same(cached.infer(batch), OpenVINOEngine(graph, precision="bfloat16").infer(batch))


def test_a_damaged_cache_is_made_anew(graph, engine, tmp_path):
    batch = next(batches(1))
    OpenVINOEngine(graph, precision="float32", cache_directory=tmp_path)
    for blob in tmp_path.rglob("*.blob"):
        blob.chmod(0o600)
        blob.write_bytes(blob.read_bytes()[: blob.stat().st_size // 2])
    cached = OpenVINOEngine(graph, precision="float32", cache_directory=tmp_path)
    same(cached.infer(batch), engine.infer(batch))


def test_a_saved_model_can_be_run(graph, engine, tmp_path):
    from multilabel_bert.encoder.openvino_import import import_openvino

    import_openvino().save_model(graph, tmp_path / "model.xml", compress_to_fp16=False)
    saved = OpenVINOEngine(tmp_path / "model.xml", precision="float32")
    batch = next(batches(1))
    same(saved.infer(batch), engine.infer(batch))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"hint": "fast"}, "hint='fast' is unknown. Use one of throughput, latency."),
        ({"streams": 0}, "streams=0: expected at least 1, or None."),
        ({"threads": -2}, "threads=-2: expected at least 1, or None."),
        ({"precision": "half"}, "precision='half' is unknown. Use one of auto, float32, bfloat16."),
    ],
)
def test_arguments_that_cannot_be_are_named(graph, options, expected):
    with pytest.raises(SettingsError) as caught:
        OpenVINOEngine(graph, **options)
    assert str(caught.value) == expected


class TestPrecision:
    def cpu(self, tmp_path, monkeypatch, text):
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        monkeypatch.setattr(cpu_features, "_CPU_INFO", path)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n", "float32"),
            ("processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16\n", "bfloat16"),
            ("flags : fpu amx_bf16 amx_tile\n", "bfloat16"),
            ("processor : 0\nFeatures : fp asimd bf16\n", "bfloat16"),
            ("Features : fp asimd svebf16\n", "float32"),
            ("flags : fpu not_bf16_at_all\n", "float32"),
            ("", "float32"),
        ],
    )
    def test_auto_takes_bfloat16_only_where_the_cpu_has_it(
        self, tmp_path, monkeypatch, text, expected
    ):
        self.cpu(tmp_path, monkeypatch, text)
        assert cpu_features.choose_precision("auto") == expected
        assert cpu_features.choose_precision("float32") == "float32"

    def test_systems_without_cpuinfo_count_as_having_none(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cpu_features, "_CPU_INFO", tmp_path / "no")
        assert cpu_features.cpu_flags() == frozenset()
        assert cpu_features.choose_precision() == "float32"

    def test_bfloat16_on_a_cpu_without_it_is_refused(self, tmp_path, monkeypatch):
        self.cpu(tmp_path, monkeypatch, "flags : avx2\n")
        with pytest.raises(SettingsError, match="precision='bfloat16' needs a CPU with instruc"):
            cpu_features.choose_precision("bfloat16")


def run(code):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_threads_may_run_a_saved_graph_at_the_same_time_from_the_start(graph, tmp_path):
    """OpenVINO's table of types, filled by whoever comes first, once stopped them all for ever."""
    from multilabel_bert.encoder.openvino_import import import_openvino

    import_openvino().save_model(graph, tmp_path / "model.xml", compress_to_fp16=False)
    code = f"""
import sys, threading
from pathlib import Path
import numpy as np
from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
engine = OpenVINOEngine(Path({str(tmp_path / "model.xml")!r}), precision="float32")
batch = {{name: np.ones((3, 5), np.int32) for name in engine.input_names}}
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
def work():
    together.wait()
    engine.infer(batch)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("through")
"""
    for _ in range(3):
        assert run(code) == "through\n"


def test_importing_openvino_loads_nothing_that_reports_its_use():
    code = """
import sys
from multilabel_bert.encoder.openvino_import import import_openvino
openvino = import_openvino()
assert import_openvino() is openvino is sys.modules["openvino"]
print([m for m in sys.modules if "telemetry" in m or m.startswith("openvino.tools")])
"""
    assert run(code) == "[]\n"


def test_the_converter_can_still_be_imported_by_its_user():
    # openvino_telemetry is replaced, so that this test reports nothing either.
    code = """
import sys, types
from unittest import mock
from multilabel_bert.encoder.openvino_import import import_openvino
import_openvino()
sys.modules["openvino_telemetry"] = mock.MagicMock()
sys.modules["openvino_telemetry.backend"] = mock.MagicMock()
from openvino.tools.ovc import convert_model
print(callable(convert_model))
"""
    assert run(code) == "True\n"


def test_nothing_but_one_file_imports_openvino():
    package = Path(multilabel_bert.__file__).parent
    importing = [
        path.name
        for path in package.rglob("*.py")
        if any(
            line.lstrip().startswith(("import openvino", "from openvino"))
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    ]
    assert importing == []


def test_a_program_ends_cleanly_with_an_engine_in_use():
    # OpenVINO's callbacks into Python made one program in three abort at its end.
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_openvino_engine import *
graph = build_graph(CONFIG, random_tensors(), outputs=("mean",))
engine = OpenVINOEngine(graph, precision="float32")
list(engine.run(batches(5)))
unfinished = engine.run(batches(50))
next(unfinished)
"""
    for _ in range(3):
        run(code)
