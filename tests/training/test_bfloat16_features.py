"""A head trained on features in bfloat16 is as good as one trained on features in float32."""

from pathlib import Path

import pytest

import multilabel_bert
from multilabel_bert import MultiLabelClassifier
from multilabel_bert.data import read_dataset
from multilabel_bert.encoder.cpu_features import has_bfloat16

pytestmark = pytest.mark.skipif(
    not has_bfloat16(), reason="this CPU has no instructions for bfloat16"
)


def test_average_precision_on_the_bundled_messages(minilm):
    data = Path(multilabel_bert.__file__).parent / "demo_data"
    train, test = (read_dataset(data / f"{split}.csv") for split in ("train", "test"))
    scores = {}
    for precision in ("float32", "bfloat16"):
        model = MultiLabelClassifier(
            minilm, pooling="mean", precision=precision, cache=None, dev_fraction=0, verbose=False
        )
        model.fit(train)
        scores[precision] = model.evaluate(test).metrics["macro_average_precision"]
    assert scores["float32"] > 0.5  # it learned
    # No threshold, so no jump where a probability crosses one.
    assert abs(scores["bfloat16"] - scores["float32"]) < 0.01
