"""A real server: too much, too slow, clients that leave, and an end that loses nothing."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from served import Lines, make_service, running

from multilabel_bert.serving.limits import HeldBytes, Limits
from multilabel_bert.serving.problems import Problem
from multilabel_bert.serving.server import open_socket

SECONDS = 30


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextmanager
def slow_server(model, lines=None, *, releases=True, **limits):
    """A server whose encoder computes nothing until `may` is set."""
    service = make_service({"one": model}, Limits(**limits))
    lane = service.models.default.lane
    may, computed = threading.Event(), []
    encode = lane.encode

    def waiting(batch, names):
        assert may.wait(SECONDS)
        computed.append(len(names))
        return encode(batch, names)

    lane.encode = waiting
    try:
        with running(service, log=lines) as url:
            try:
                yield url, service, may, computed
            finally:
                if releases:
                    may.set()
    finally:
        service.close()


def post(url, inputs="late parcel"):
    return httpx.post(f"{url}predict", json={"inputs": inputs}, timeout=SECONDS)


def raw_request(url, body, length=None):
    """A connection on which a request was sent; nothing is read."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    connection = socket.create_connection((host, int(port)), timeout=SECONDS)
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {length or len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def test_more_than_may_wait_is_refused_with_429(served_model):
    with slow_server(served_model, max_waiting_texts=4) as (url, service, may, _):
        with ThreadPoolExecutor() as pool:
            accepted = pool.submit(post, url, [["late"]] * 3)
            until(lambda: service.batcher.waiting_texts == 3)
            refused = post(url, [["late"]] * 2)
            assert refused.status_code == 429
            assert refused.json()["error_type"] == "overloaded"
            assert int(refused.headers["retry-after"]) >= 1
            assert httpx.get(f"{url}health").status_code == 200
            may.set()
            assert accepted.result().status_code == 200
        assert post(url, [["late"]] * 2).status_code == 200


def test_what_a_client_that_left_asked_is_not_computed(served_model):
    lines = Lines()
    with slow_server(served_model, lines) as (url, service, may, computed):
        body = json.dumps({"inputs": [["late"]] * 100}).encode()
        connections = [raw_request(url, body) for _ in range(10)]
        until(lambda: service.batcher.waiting_texts == 1000)
        for connection in connections:
            connection.close()
        until(lambda: service.batcher.waiting_texts == 0)
        may.set()
        assert post(url).status_code == 200
        until(lambda: len(lines.entries) == 11)
    # What was planned already is, a tenth of a second's work; most of it is not.
    assert sum(computed) < 600
    assert sorted(entry["status"] for entry in lines.entries) == [200, *[499] * 10]


def test_a_request_that_takes_too_long_is_given_up(served_model):
    with slow_server(served_model, timeout_seconds=0.3) as (url, service, may, _):
        late = post(url, [["late"]] * 5)
        assert late.status_code == 504
        assert late.json()["error_type"] == "timeout"
        assert service.batcher.waiting_texts == 0
        may.set()
        assert post(url).status_code == 200


def test_a_body_that_does_not_come_is_given_up(served_model):
    with slow_server(served_model, timeout_seconds=0.3) as (url, _, may, _):
        may.set()
        with raw_request(url, b'{"inputs": ', length=100) as connection:
            assert b"504" in connection.recv(1000)
        assert post(url).status_code == 200


@pytest.mark.parametrize("told", [True, False], ids=["told", "chunked"])
def test_a_body_above_the_limit_is_refused(served_model, told):
    with slow_server(served_model, max_body_bytes=10_000) as (url, service, _, _):
        body = b'{"inputs": "' + b"a" * 20_000 + b'"}'
        content = body if told else (body[at : at + 1000] for at in range(0, len(body), 1000))
        response = httpx.post(f"{url}predict", content=content, timeout=SECONDS)
        assert response.status_code == 413
        assert "The body is above 10000 bytes." in response.json()["error"]
        assert service.held.held == 0


def test_bodies_of_all_requests_together_are_bounded():
    held = HeldBytes(100)
    with held.of_request() as first:
        first.add(60)
        with pytest.raises(Problem, match="Too many large requests") as found:  # noqa: SIM117
            with held.of_request() as second:
                second.add(40)
                second.add(1)
        assert found.value.status == 429
        assert held.held == 60
    assert held.held == 0


def is_refused(url):
    try:
        httpx.get(f"{url}health", timeout=1)
    except httpx.TransportError:
        return True
    return False


def test_the_end_of_a_server_waits_for_what_it_accepted(served_model):
    computed_before_the_end = []

    def release(url, may, computed):
        until(lambda: is_refused(url))
        computed_before_the_end.extend(computed)
        may.set()

    with ThreadPoolExecutor(21) as pool:
        with slow_server(served_model, releases=False) as (url, service, may, computed):
            answers = [pool.submit(post, url, [["late"], ["refund"]]) for _ in range(20)]
            until(lambda: service.batcher.waiting_texts == 40)
            pool.submit(release, url, may, computed)
        assert [answer.result().status_code for answer in answers] == [200] * 20
    assert not computed_before_the_end


def test_small_packets_are_not_delayed():
    with open_socket("127.0.0.1", 0) as listening:
        # What asyncio looks at, on the sockets that come of it, before it sets TCP_NODELAY.
        assert listening.proto == socket.IPPROTO_TCP
