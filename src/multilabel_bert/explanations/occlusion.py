"""Occlusion: how far a logit falls when a word is hidden from the model. No TensorFlow."""

# N = texts, W = words, X = labels

from __future__ import annotations

import numpy as np

from multilabel_bert.explanations.word_tokens import Scorer, WordTokens

# Chosen by benchmarks/explanations.py; see docs/explanations.md.
REPLACEMENT = "remove"


def occlude(
    scorer: Scorer, words: WordTokens, replacement: str = REPLACEMENT
) -> tuple[np.ndarray, np.ndarray]:
    """Hide each word in turn; all these texts are one call of the engine.

    Args:
        scorer: gives the logits.
        words: of one text.
        replacement: what a word gives way to; see `WordTokens.without`.

    Returns:
        The logits of the text, float32 [X]; and for each word how much of each is lost without
        it, float32 [W, X], 0 where it is not seen.

    Source: "erasure" of Li et al. 2016, arXiv:1612.08220; Zeiler and Fergus 2014,
    arXiv:1311.2901, section 4.2.
    """
    seen = words.seen
    texts = words.without([[], *([index] for index in seen)], replacement, scorer.tokenizer)
    logits = scorer.logits_of_ids(*texts)
    lost = np.zeros((len(words.spans), logits.shape[1]), np.float32)
    lost[seen] = logits[0] - logits[1:]
    return logits[0], lost
