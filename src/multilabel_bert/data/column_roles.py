"""Column names that tell what a column holds, in lower case and in order of preference."""

from __future__ import annotations

TEXT_NAMES = (
    "text", "text_a", "texts", "sentence", "sentence1", "comment_text", "comment", "tweet",
    "message", "content", "body", "review", "review_text", "narrative", "utterance", "document",
    "question", "question1", "premise", "abstract", "overview", "description",
)  # fmt: skip

# The second text of a pair, by the name of the first.
PAIR_NAMES = {
    "text": ("text_b", "text_pair", "pair"),
    "text_a": ("text_b",),
    "sentence": ("sentence2",),
    "sentence1": ("sentence2",),
    "question": ("question2",),
    "question1": ("question2",),
    "premise": ("hypothesis",),
}

ID_NAMES = ("id", "guid", "uid", "uuid", "idx", "index", "key")

LABEL_NAMES = (
    "labels", "label", "label_names", "tags", "tag", "categories", "category", "classes", "class",
    "emotions", "emotion", "topics", "topic", "targets", "target", "label_ids",
)  # fmt: skip
