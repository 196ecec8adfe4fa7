"""Publishing: a model as a repository of the Hugging Face hub, in one commit."""

from __future__ import annotations

import fnmatch
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from multilabel_bert.errors import SettingsError, WriteError
from multilabel_bert.model.card import model_card, shown_encoder
from multilabel_bert.model.card_metadata import shown_source
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.directory import save_model

# What an older model of this program may have left, and a newer one must not be mixed with.
_OURS = [
    "*.safetensors",
    "multilabel.json",
    "modules.json",
    "sentence_bert_config.json",
    "search.csv",
    "1_Pooling/*",
    "2_Dense/*",
    "openvino/*",
    "baseline/*",
]
_LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write"
_REASONS = {
    401: f"the hub does not know the token (status 401). {_LOG_IN}",
    403: "the token may not write there (status 403). Take one that may, and an owner that you "
    "belong to",
    404: "the hub has no such owner or repository (status 404). Check the name; a token without "
    "access sees the same",
    413: "a file is too large for the hub (status 413)",
    429: "the hub asks to wait (status 429). Try again later",
}


def push_model(
    model: ClassifierModel,
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    commit_message: str | None = None,
    revision: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> str:
    """Publish a model: the files of `save_model`, with a card that names the repository.

    All files come in one commit: whoever downloads the model gets the old or the new one whole.
    What an older model left there and this one does not have is deleted; other files are kept.
    Of file paths on this machine only the names are published, and the baseline is not: it holds
    words of the training texts.

    Args:
        model: what is published.
        repo_id: ``"owner/name"``, or ``"name"`` for one of one's own; made if it is not there.
        private: whether a new repository is private; as the account is set unless given, which
            is usually public. A repository that is there stays as it is.
        token: of the hub; the one of ``hf auth login`` or ``$HF_TOKEN`` unless given.
        commit_message: "Upload of a multi-label classifier" unless given.
        revision: a branch, made if it is not there; the main branch unless given.
        metadata: for the head of the card, what only its owner knows, by the names of the hub:
            ``{"license": "apache-2.0", "language": "en"}``.

    Returns:
        The address of the repository.

    Raises:
        SettingsError: if `repo_id` can be no name of a repository.
        WriteError: if there is no token, or the hub cannot be reached or refuses.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    _check_name(repo_id)
    api = HfApi(token=_token(token), library_name="multilabel-bert")
    with tempfile.TemporaryDirectory(prefix="multilabel-") as place:
        directory = Path(place) / "model"
        with explain_hub_errors(repo_id):
            url = api.create_repo(repo_id, private=private, exist_ok=True)
            name = url.repo_id
        save_model(published(model), directory)
        card = model_card(published(model), name, metadata)
        (directory / "README.md").write_text(card, encoding="utf-8")
        files = {
            path.relative_to(directory).as_posix(): path
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
        with explain_hub_errors(name):
            if revision is not None:
                api.create_branch(name, branch=revision, exist_ok=True)
            there = api.list_repo_files(name, revision=revision)
            api.create_commit(
                name,
                [
                    *(CommitOperationDelete(path) for path in _left_over(there, files)),
                    *(CommitOperationAdd(path, file) for path, file in files.items()),
                ],
                commit_message=commit_message or "Upload of a multi-label classifier",
                revision=revision,
            )
    return str(url)


def published(model: ClassifierModel) -> ClassifierModel:
    """The model as others may see it: without its baseline, and without paths of this machine."""
    encoder = model.provenance.get("encoder")
    named = {} if encoder is None else {"encoder": shown_encoder(encoder)}
    return replace(
        model,
        baseline=None,
        settings=_without_places(model.settings),
        provenance=_without_places(model.provenance) | named,
    )


def _without_places(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            # A data source is a path, wherever it starts.
            key: shown_source(one)
            if key == "source" and isinstance(one, str)
            else _without_places(one)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_places(one) for one in value]
    if isinstance(value, str) and (value.startswith(("/", "~", "\\\\")) or value[1:3] == ":\\"):
        return shown_source(value)
    return value


def _left_over(there: list[str], files: Mapping[str, Path]) -> list[str]:
    return [
        path
        for path in there
        if path not in files and any(fnmatch.fnmatch(path, pattern) for pattern in _OURS)
    ]


def _check_name(repo_id: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id if isinstance(repo_id, str) else "")
    except HFValidationError:
        raise SettingsError(
            f"{repo_id!r} can be no name on the hub. Expected 'owner/name', such as "
            "'me/complaints', of letters, digits, '-', '_' and '.'."
        ) from None


def _token(given: str | None) -> str:
    from huggingface_hub import get_token

    token = given or get_token()
    if not token:
        raise WriteError(f"There is no token for the Hugging Face hub. {_LOG_IN}.")
    return token


@contextmanager
def explain_hub_errors(repo_id: str) -> Iterator[None]:
    """Tell what the hub refuses as a `WriteError` with the mend; a token is never in it."""
    try:
        yield
    # The library's HTTP client has errors of its own, other ones in each major version.
    except Exception as error:
        status = _status(error)
        if status is not None:
            answered = f"the hub answered with status {status}{_said(error)}. Try again later"
            reason = _REASONS.get(status, answered)
        elif _is_of_network(error):
            reason = (
                "the Hugging Face hub cannot be reached. Check the network, HF_ENDPOINT and "
                "HF_HUB_OFFLINE"
            )
        else:
            line = str(error).strip().partition("\n")[0] or "no reason given"
            reason = f"the hub did not take it ({type(error).__name__}: {line})"
        raise WriteError(
            f"Cannot publish {repo_id}: {reason}. Files come in one commit: all of them or none."
        ) from error


def _status(error: BaseException) -> int | None:
    """The HTTP status behind an error; of an upload it is the cause of another."""
    while True:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            return int(status)
        if error.__cause__ is None:
            return None
        error = error.__cause__


def _said(error: BaseException) -> str:
    message = getattr(error, "server_message", None)
    line = " ".join(str(message).split()) if message else ""
    return f" ({line[:200]})" if line else ""


def _is_of_network(error: BaseException) -> bool:
    from huggingface_hub.errors import OfflineModeIsEnabled

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OfflineModeIsEnabled | ConnectionError | TimeoutError):
            return True
        # The client is httpx or a successor of it, by the version of the library.
        kinds = {kind.__name__ for kind in type(cause).__mro__}
        if kinds & {"TransportError", "NetworkError", "ConnectError"}:
            return True
        cause = cause.__cause__
    return False
