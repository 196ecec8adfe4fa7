"""Import of Keras without the messages TensorFlow writes to the terminal while it loads."""

from __future__ import annotations

import os
import sys
import tempfile

from multilabel_bert.optional import import_optional


def import_keras_quietly() -> None:
    """Import Keras; what is written to standard error meanwhile is shown only if that fails.

    TensorFlow's C++ part writes there before its own log level is read.
    """
    if "keras" in sys.modules:
        return
    sys.stderr.flush()
    try:
        descriptor = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # captured, so there is no terminal to spare
        import_optional("keras", extra="train", purpose="training")
        return
    saved = os.dup(descriptor)
    with tempfile.TemporaryFile() as buffer:
        os.dup2(buffer.fileno(), descriptor)
        try:
            import_optional("keras", extra="train", purpose="training")
            # Keras loads its backend's device library with the first tensor.
            import keras

            keras.ops.zeros(1)
        except Exception:
            os.dup2(saved, descriptor)
            buffer.seek(0)
            sys.stderr.write(buffer.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(saved, descriptor)
            os.close(saved)
