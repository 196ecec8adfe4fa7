"""A trained classifier in other programs' formats: one function each, and `export_model`."""

from multilabel_bert.export.formats import FORMATS, export_model
from multilabel_bert.export.google_checkpoint import to_google
from multilabel_bert.export.hugging_face import to_hugging_face
from multilabel_bert.export.int8 import Int8, Int8Cost
from multilabel_bert.export.keras_file import to_keras
from multilabel_bert.export.onnx_file import to_onnx
from multilabel_bert.export.openvino_files import to_openvino
from multilabel_bert.export.sentence_transformers import to_sentence_transformers
from multilabel_bert.export.tensorflow_files import to_tensorflow
from multilabel_bert.export.writing import Export

__all__ = [
    "FORMATS",
    "Export",
    "Int8",
    "Int8Cost",
    "export_model",
    "to_google",
    "to_hugging_face",
    "to_keras",
    "to_onnx",
    "to_openvino",
    "to_sentence_transformers",
    "to_tensorflow",
]
