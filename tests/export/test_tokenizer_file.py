"""The tokenizer beside a graph gives the inputs that ours gives, cut and padded."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from multilabel_bert.export.tokenizer_file import write_tokenizer
from multilabel_bert.text.long_texts import LongTexts


@pytest.mark.parametrize("truncation", ["head", "tail"])
@pytest.mark.parametrize("paired", [False, True])
def test_it_gives_our_ids(make_model, texts, tmp_path, truncation, paired):
    for length in (7, 8, 32):
        model = make_model(max_seq_length=length, long_texts=LongTexts(truncation))
        write_tokenizer(model, tmp_path)
        second = [text or "never empty" for text in reversed(texts)] if paired else None
        ours = model.tokenizer.encode(
            texts, second, max_seq_length=length, long_texts=model.long_texts
        ).pad(np.arange(len(texts)))
        batch = Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode_batch(
            texts if second is None else list(zip(texts, second, strict=True))
        )
        same = np.ones(len(texts), bool)
        if second is not None and length % 2 == 0:
            # Where both are cut to an odd number of tokens, the odd one goes to the longer text, or
            # to the second, and in BERT's code to the first.
            half = (length - 3) // 2
            first, other = (
                np.array([len(model.tokenizer.tokenize(text)) for text in part])
                for part in (texts, second)
            )
            same = ~((first > half) & (other > half) & (other >= first))
            assert not same.all()
        for name, rows in (
            ("input_ids", [row.ids for row in batch]),
            ("attention_mask", [row.attention_mask for row in batch]),
            ("token_type_ids", [row.type_ids for row in batch]),
        ):
            np.testing.assert_array_equal(np.array(rows)[same], ours[name][same], err_msg=name)
