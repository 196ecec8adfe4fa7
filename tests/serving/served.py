"""Small models to serve, and a real server in a thread."""

import contextlib
import threading
import time
from dataclasses import replace

import httpx
import numpy as np

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.pooling import representation_size
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.shared_predictor import SharedPredictor
from multilabel_bert.serving.application import create_application
from multilabel_bert.serving.limits import Limits
from multilabel_bert.serving.served_models import ServedModels
from multilabel_bert.serving.server import Server, address, open_socket
from multilabel_bert.serving.service import Service
from multilabel_bert.text.tokenizer import BertTokenizer

LABELS = ("delay", "refund", "praise", "billing")
WORDS = ["late", "parcel", "refund", "thanks", "broken", "login", "slow", "kind", "price", "lates"]


def random_model(checkpoint, *, seed=0, pooling="mean", trained_from=None, **changes):
    """A classifier with a random head; with `trained_from`, its layers from there on differ."""
    rng = np.random.default_rng(seed)
    tensors = dict(checkpoint.tensors)
    for name in tensors if trained_from is not None else ():
        layer = name.split("/")[1] if name.startswith("encoder/") else ""
        if layer and int(layer.removeprefix("layer_")) >= trained_from:
            change = rng.normal(0, 0.2, tensors[name].shape)
            tensors[name] = tensors[name] + change.astype(np.float32)
    size = representation_size(pooling, checkpoint.config.hidden_size)
    model = ClassifierModel(
        config=checkpoint.config,
        tensors=tensors,
        kernel=rng.normal(size=(size, len(LABELS))).astype(np.float32),
        bias=rng.normal(size=len(LABELS)).astype(np.float32),
        pooling=pooling,
        label_names=LABELS,
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
        max_seq_length=16,
        rule=DecisionRule([0.5, 0.3, 0.7, 0.4]),
        precision="float32",
        layout={"text_column": "text", "pair_column": None},
        provenance={"encoder": "/home/somebody/tiny-bert", "train": {"texts": 120}},
    )
    return replace(model, **changes)


def random_texts(count, seed=0, longest=30):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(0, longest))) for _ in range(count)]


def make_service(models, limits=None, precision=None):
    predictors = {name: Predictor(model, precision=precision) for name, model in models.items()}
    return Service(ServedModels(SharedPredictor(predictors)), limits or Limits())


class Lines:
    """Keeps the lines of an access log."""

    def __init__(self):
        self.entries = []

    def write(self, entry):
        self.entries.append(dict(entry))

    def close(self):
        pass


@contextlib.contextmanager
def running(service, **options):
    """A real server with real sockets; gives its address."""
    limits = service.limits
    app = create_application(service, **options)
    with open_socket("127.0.0.1", 0) as listening:
        url = address(listening)
        server = Server(app, limits)
        thread = threading.Thread(target=server.serve_socket, args=(listening,))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.005)
            yield url
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def in_process(app):
    """A client of the application itself, without sockets."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=True), base_url="http://test"
    )
