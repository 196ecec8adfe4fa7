"""Text to token ids, and token ids to batches."""

from multilabel_bert.text.batching import fill_rate, fixed_size_batches, token_budget_batches
from multilabel_bert.text.long_texts import LongTexts
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.text.tokenizer_files import TokenizerFiles

__all__ = [
    "BertTokenizer",
    "LongTexts",
    "TokenizedTexts",
    "TokenizerFiles",
    "fill_rate",
    "fixed_size_batches",
    "token_budget_batches",
]
