"""Where requests may go: no spelling of a private address passes, and no public one is kept out."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kernel.destinations import Destinations, Forbidden, is_public

PUBLIC_ONLY = Destinations()
PRIVATE = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "2001:db8::/32",
]
private = st.sampled_from(PRIVATE).flatmap(lambda each: st.ip_addresses(network=each))
private_v4 = private.filter(lambda each: each.version == 4)


@given(private)
def test_no_private_address_passes(address: IPv4Address | IPv6Address) -> None:
    assert not PUBLIC_ONLY.permits(str(address), 443)


@given(
    private_v4, st.sampled_from(["::ffff:0:0", "::", "64:ff9b::", "64:ff9b:1::", "::ffff:0:0:0"])
)
def test_no_private_address_passes_inside_another(inner: IPv4Address, prefix: str) -> None:
    wrapped = IPv6Address(int(IPv6Address(prefix)) | int(inner))
    assert not PUBLIC_ONLY.permits(str(wrapped), 443)


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1))
def test_no_tunnel_is_gone_through(inner: IPv4Address, rest: int) -> None:
    six_to_four = IPv6Address(0x2002 << 112 | int(inner) << 80 | rest)
    teredo = IPv6Address(0x20010000 << 96 | int(inner) << 64 | rest % 2**64)
    assert not is_public(six_to_four)
    assert not is_public(teredo)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"]
)
def test_public_addresses_pass(address: str) -> None:
    assert PUBLIC_ONLY.permits(address, 443)


@given(st.text(max_size=40))
def test_only_a_number_is_an_address(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        assert not Destinations((ip_network("0.0.0.0/0"), ip_network("::/0"))).permits(text, 443)


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "localhost", "::1", "::ffff:127.0.0.1", "0"],
)
def test_however_this_machine_is_spelt_nothing_goes_there(host: str) -> None:
    with pytest.raises((Forbidden, OSError)):
        PUBLIC_ONLY.choose(host, 443)
    at_home = Destinations.of("127.0.0.0/8, ::1/128")
    if host not in ("::ffff:127.0.0.1", "0"):
        assert at_home.choose(host, 443)


@given(st.integers(0, 65535))
def test_of_the_low_ports_only_that_of_https_is_spoken_to(port: int) -> None:
    assert PUBLIC_ONLY.permits("8.8.8.8", port) == (port == 443 or port >= 1024)


def test_without_tls_only_allowed_networks_are_spoken_to() -> None:
    home = Destinations.of("192.168.7.0/24")
    assert home.permits("192.168.7.9", 80)
    assert home.permits("192.168.7.9", 8080, encrypted=False)
    assert not home.permits("8.8.8.8", 80)
    assert not home.permits("8.8.8.8", 8080, encrypted=False)
    assert not home.permits("192.168.8.9", 443)
