"""Loopback blocks: the first free one, side by side, and who is in the way."""

import contextlib
import socket
import threading

import pytest

from hotsite.errors import NotReadyError
from hotsite.local import network
from hotsite.local.network import Block

FIRST = 211
DNS = 5353


@contextlib.contextmanager
def greeting_cloud(claimed):
    """Serve a claim as a supervisor does."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                caller, _ = claimed.listener.accept()
                with caller:
                    caller.sendall(network.greeting("other"))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        claimed.listener.shutdown(socket.SHUT_RDWR)
        claimed.listener.close()
        thread.join()


def test_four_regions_of_a_block_have_addresses_of_their_own():
    blocks = (Block(3), Block(5))
    found = [block.region_address(one) for block in blocks for one in "abcd"]
    assert found[:4] == ["127.0.3.1", "127.0.4.1", "127.0.3.2", "127.0.4.2"]
    assert len({*found, *(block.global_address for block in blocks)}) == 10
    asked = list(network.endpoints(Block(3), dns_port=DNS, letters="abc"))
    assert {address for address, _ in asked} == {*found[:3], "127.0.3.53"}


def test_a_block_has_three_addresses():
    block = Block(3)
    assert block.region_address("a") == "127.0.3.1"
    assert block.region_address("b") == "127.0.4.1"
    assert block.global_address == "127.0.3.53"


def test_the_first_free_block_is_claimed_and_freed_with_its_socket():
    first = network.claim(dns_port=DNS, first=FIRST)
    assert first.block == Block(FIRST)
    first.listener.close()
    again = network.claim(dns_port=DNS, first=FIRST)
    again.listener.close()
    assert again.block == Block(FIRST)


def test_a_block_of_another_cloud_is_passed_over():
    first = network.claim(dns_port=DNS, first=FIRST)
    with greeting_cloud(first):
        second = network.claim(dns_port=DNS, first=FIRST)
        second.listener.close()
        assert second.block == Block(FIRST + 2)


@pytest.mark.parametrize(
    ("address", "port"), [*network.endpoints(Block(FIRST), dns_port=DNS)]
)
def test_a_port_that_something_else_has_is_named(address, port):
    with (
        socket.create_server((address, port)),
        pytest.raises(NotReadyError, match=rf"^{address}:{port} is taken"),
    ):
        network.claim(dns_port=DNS, first=FIRST)


def test_a_claim_port_that_is_not_a_clouds_is_named():
    with (
        socket.create_server((Block(FIRST).global_address, network.CLAIM_PORT)),
        pytest.raises(NotReadyError, match=":4500 is taken by something"),
    ):
        network.claim(dns_port=DNS, first=FIRST)


def test_a_taken_udp_port_of_dns_is_named():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((Block(FIRST).global_address, DNS))
        with pytest.raises(NotReadyError, match=":5353 is taken"):
            network.claim(dns_port=DNS, first=FIRST)
