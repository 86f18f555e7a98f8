"""The pool: every request is answered once, and a worker that dies is not waited for."""

import os

import pytest

from tocsin.app.workers import Reply, Request, Worker, WorkerLost, in_parallel, serve, worker_count
from tocsin.errors import InputError, TocsinError


def echo(connection):
    serve(connection, lambda request: Reply(request.task, request.args, {"b": request.payload}))


def fragile(connection):
    def handle(request):
        if request.kind == "die":
            os._exit(3)
        if request.kind == "refuse":
            raise InputError("bad", "this one")
        return Reply(request.task)

    serve(connection, handle)


def test_every_request_is_answered_once_by_some_worker():
    workers = [Worker(echo), Worker(echo)]
    big = os.urandom(300_000)  # more than a pipe holds: neither side may wait for the other
    requests = [Request("x", task, {"n": task}, big) for task in range(20)]
    replies = list(in_parallel(workers, requests))
    for worker in workers:
        worker.close()
    assert sorted(reply.args["n"] for reply in replies) == list(range(20))
    assert all(reply.parts["b"] == big for reply in replies)


def test_a_worker_that_dies_is_reported_with_its_code():
    worker = Worker(fragile)
    with pytest.raises(WorkerLost, match="ended with code 3"):
        list(in_parallel([worker], [Request("die", 1), Request("x", 2)]))
    worker.close()


def test_a_refused_request_says_why_and_the_worker_goes_on():
    worker = Worker(fragile)
    with pytest.raises(TocsinError, match="bad: this one"):
        worker.ask("refuse")
    worker.ask("x")
    worker.close()


@pytest.mark.parametrize(("cores", "reserved", "expected"), [(1, 1, 1), (2, 1, 1), (8, 1, 7)])
def test_there_is_always_one_observer(cores, reserved, expected):
    assert worker_count(cores, reserved) == expected
