"""The few lines that run an export in its own runtime; printed after it, and run by the tests."""

from __future__ import annotations

from pathlib import Path

_LABELS = """\
with open({labels!r}, encoding="utf-8") as file:
    rule = json.load(file)
"""
_DECIDE = """\
for row in probabilities:
    print([
        name
        for name, p, threshold in zip(rule["label_names"], row, rule["thresholds"], strict=True)
        if p >= threshold
    ])
"""
_TOKENIZE = """\
batch = Tokenizer.from_file({tokenizer!r}).encode_batch(texts)
inputs = {{
    "input_ids": np.array([text.ids for text in batch]),
    "attention_mask": np.array([text.attention_mask for text in batch]),
    "token_type_ids": np.array([text.type_ids for text in batch]),
}}
"""
_TEXTS = 'texts = ["the first text", "another one"]\n'
_IDS_START = "import json\n\nimport numpy as np\n{imports}from tokenizers import Tokenizer\n\n"

_RUN = {
    "onnx": (
        "import onnxruntime\n",
        "session = onnxruntime.InferenceSession({main!r})\n"
        "logits, probabilities = session.run(None, inputs)\n",
    ),
    "openvino": (
        "import openvino\n",
        "# Without the hint OpenVINO computes in bfloat16 where the CPU can: faster, less exact.\n"
        'model = openvino.compile_model({main!r}, "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})\n'
        'probabilities = model(inputs)["probabilities"]\n',
    ),
    "tensorflow": (
        "import tensorflow as tf\n",
        'serve = tf.saved_model.load({directory!r}).signatures["serving_default"]\n'
        "outputs = serve(**{{name: tf.constant(ids, tf.int32) for name, ids in inputs.items()}})\n"
        'probabilities = outputs["probabilities"].numpy()\n',
    ),
    "keras": (
        "import keras\n",
        "import multilabel_bert.export.keras_layers  # tells Keras the layers\n\n"
        "model = keras.saving.load_model({main!r})\n"
        'probabilities = model.predict(inputs, verbose=0)["probabilities"]\n',
    ),
}

_TENSORFLOW_TEXT = (
    "import json\n\nimport tensorflow as tf\n"
    "import tensorflow_text  # registers its operations\n\n"
    + _TEXTS
    + _LABELS
    + 'serve = tf.saved_model.load({directory!r}).signatures["serving_default"]\n'
    + 'probabilities = serve(text=tf.constant(texts))["probabilities"].numpy()\n'
    + _DECIDE
)

_HUGGING_FACE = (
    "import json\n\nfrom transformers import pipeline\n\n"
    + _TEXTS
    + _LABELS
    + 'thresholds = dict(zip(rule["label_names"], rule["thresholds"], strict=True))\n'
    + 'classify = pipeline("text-classification", {directory!r}, top_k=None,\n'
    + '                    function_to_apply="sigmoid")\n'
    + "for scores in classify(texts, truncation=True):\n"
    + '    print([s["label"] for s in scores if s["score"] >= thresholds[s["label"]]])\n'
)

_SENTENCE_TRANSFORMERS = (
    "import json\n\nfrom sentence_transformers import SentenceTransformer\n\n"
    + _TEXTS
    + _LABELS
    + "probabilities = SentenceTransformer({directory!r}).encode(texts)\n"
    + _DECIDE
)

_GOOGLE = """\
# google-research/bert, with TensorFlow 1: modeling.BertModel as in run_classifier.py, then
#   logits = tf.matmul(pooled_output, output_weights, transpose_b=True) + output_bias
#   probabilities = tf.sigmoid(logits)
# and these options:
#   --init_checkpoint={directory}/bert_model.ckpt --bert_config_file={directory}/bert_config.json
#   --vocab_file={directory}/vocab.txt --do_lower_case={lower} --max_seq_length={length}
from multilabel_bert import MultiLabelClassifier

model = MultiLabelClassifier.from_pretrained(
    {directory!r}, max_seq_length={length}, do_lower_case={lower}
)
print(model.predict_proba(["the first text", "another one"]))
"""


def snippet(
    format_name: str, directory: Path, main: Path, labels: Path, tokenizer: Path, **values: object
) -> str:
    """Python that runs an export on two texts and prints their labels.

    Args:
        format_name: of the export; ``"tensorflow-text"`` for one that takes strings.
        directory: of the export.
        main: the file that holds the model.
        labels: the file of names and thresholds.
        tokenizer: ``tokenizer.json``.
        **values: ``lower`` and ``length`` for Google's format.
    """
    whole = {
        "tensorflow-text": _TENSORFLOW_TEXT,
        "huggingface": _HUGGING_FACE,
        "sentence-transformers": _SENTENCE_TRANSFORMERS,
        "google": _GOOGLE,
    }.get(format_name)
    if whole is None:
        imports, run = _RUN[format_name]
        whole = (
            _IDS_START.replace("{imports}", imports) + _TEXTS + _LABELS + _TOKENIZE + run + _DECIDE
        )
    return whole.format(
        directory=str(directory),
        main=str(main),
        labels=str(labels),
        tokenizer=str(tokenizer),
        **values,
    )
