"""Fork Lambda workers from a process that has loaded the AWS SDK already.

Started by a local Region with one end of a socket as its only argument. Each request
is one message: three descriptors (input, output, errors of the worker) and JSON with
the worker's script, folder and environment; the answer is JSON with its ``pid`` and a
descriptor of the process, or with what is in the way. It ends when its Region does.

Nothing of hotsite is imported, because a function must find in its package what it
needs. Only what every function of the Python runtime of AWS Lambda finds there is
loaded ("the Python runtimes include the AWS SDK for Python", Lambda developer guide,
"Building Lambda functions with Python").
"""

import contextlib
import gc
import json
import os
import random
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import boto3

_REQUEST_BYTES_MAX = 1 << 20
_DESCRIPTORS = 3
_SDK = frozenset({"boto3", "botocore", "s3transfer"})


def serve(requests: socket.socket) -> None:
    """Fork a worker for each request until the Region closes its end.

    Args:
        requests: Where they come from; it keeps the borders of messages.
    """
    signal.signal(signal.SIGCHLD, _collect)
    # What is there already is not looked at again, so its pages stay shared.
    gc.freeze()
    while True:
        data, descriptors, _flags, _address = socket.recv_fds(
            requests, _REQUEST_BYTES_MAX, _DESCRIPTORS
        )
        if not data:
            return
        request = json.loads(data)
        brought = _brought(request)
        problem = _problem(brought)
        if problem:
            requests.send(json.dumps({"problem": problem}).encode())
        else:
            _fork(requests, request, brought, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _brought(request: dict[str, Any]) -> frozenset[str]:
    """Return the packages, by their names, that the function brings along."""
    return frozenset(entry.stem for entry in Path(request["cwd"]).iterdir())


def _problem(brought: frozenset[str]) -> str:
    """Return why this worker has to start from nothing, or an empty text."""
    own = sorted(_SDK & brought)
    return f"the function brings its own {', '.join(own)}" if own else ""


def _forget(packages: frozenset[str]) -> None:
    """Let the worker load what its function brings, not what is loaded here."""
    for name in list(sys.modules):
        if name.partition(".")[0] in packages - sys.stdlib_module_names:
            del sys.modules[name]


def _fork(
    requests: socket.socket,
    request: dict[str, Any],
    brought: frozenset[str],
    descriptors: list[int],
) -> None:
    # One that ends at once is not collected before there is a descriptor of it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    pid = os.fork()
    if pid == 0:
        requests.close()
        _become(request, brought, descriptors)
    handle = os.pidfd_open(pid)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    socket.send_fds(requests, [json.dumps({"pid": pid}).encode()], [handle])
    os.close(handle)


def _collect(_number: int, _frame: object) -> None:
    """Let no worker that has ended stay as a zombie."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(
    request: dict[str, Any], brought: frozenset[str], descriptors: list[int]
) -> NoReturn:
    """Be the worker until it ends."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(request["cwd"])
        _forget(brought)
        os.environ.clear()
        os.environ.update(request["environment"])
        # Each process draws its own numbers.
        random.seed()
        script = Path(request["script"])
        sys.argv, sys.path[0] = [str(script)], str(script.parent)
        names = {"__name__": "__main__", "__file__": str(script)}
        exec(compile(script.read_bytes(), str(script), "exec"), names)  # noqa: S102 - it is what Python itself would do with the script
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:  # noqa: BLE001 - the end of a process
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _warm_up() -> None:
    """Load what the first client of a process loads."""
    boto3.client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - it signs nothing
    )


if __name__ == "__main__":
    _warm_up()
    serve(socket.socket(fileno=int(sys.argv[1])))
