"""The decision whether a vocabulary's texts are lower-cased, and where it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from multilabel_bert.errors import SettingsError

# The names of Google's releases, as run_classifier.py checks them (tokenization.py,
# validate_case_matches_checkpoint): uncased_L-12_H-768_A-12, multi_cased_L-12_H-768_A-12 ...
_RELEASE = re.compile(r"^(?:wwm_)?(uncased|cased|multi_cased|multilingual|chinese)_L-\d+")
_LOWER_RELEASES = {"uncased", "multilingual", "chinese"}


def decide_lower_case(
    option: bool | None, configured: bool | None, origin: str, vocabulary: Iterable[str]
) -> tuple[bool, str]:
    """Decide ``do_lower_case``, and say by what.

    The first that is known counts: the user's option, the tokenizer's own configuration, the
    name of a Google release, the vocabulary (an ASCII capital outside the bracketed specials
    means cased).

    Args:
        option: what the user said, or None.
        configured: what ``tokenizer_config.json`` or ``tokenizer.json`` says, or None.
        origin: path or name of the checkpoint.
        vocabulary: the word pieces.

    Returns:
        Whether to lower-case, and the source of the decision in words.

    Raises:
        SettingsError: if the option contradicts the configuration or the release's name: the
            vocabulary would then miss most words silently.
    """
    release = _release_lower_case(origin)
    for known, source in ((configured, "the tokenizer's configuration"), (release, "its name")):
        if known is None:
            continue
        if option is not None and option != known:
            raise SettingsError(
                f"do_lower_case={option} contradicts the encoder {origin}: by {source} its "
                f"vocabulary is {'uncased' if known else 'cased'}. Leave the option out, or set "
                f"do_lower_case={known}."
            )
        return known, source
    if option is not None:
        return option, "the option do_lower_case"
    cased = any(re.search("[A-Z]", piece) for piece in vocabulary if not _is_special(piece))
    return not cased, "its vocabulary"


def _release_lower_case(origin: str) -> bool | None:
    for part in reversed(re.split(r"[\\/]", origin)):
        if match := _RELEASE.match(part):
            return match[1] in _LOWER_RELEASES
    return None


def _is_special(piece: str) -> bool:
    return piece.startswith("[") and piece.endswith("]")
