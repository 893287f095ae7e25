"""Who may be reached, and at which addresses: what is listed, never a cloud's credentials, never by a name's trick."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.container.allowed import Entry, NetworkRefused, Place, parse, place_of


def permits(entry: str, place: str) -> bool:
    found = place_of(place)
    return found is not None and parse([entry]).permits(found)


def reaches(entries: list[str], place: str, address: str) -> bool:
    found = place_of(place)
    assert found is not None
    return parse(entries).reaches(found, ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("data.example.org", "data.example.org:443"),
        ("data.example.org", "data.example.org:80"),
        ("PyPI.org.", "pypi.ORG:443"),
        ("data.example.org", "data.example.org.:443"),
        ("mirror.example:8080", "mirror.example:8080"),
        ("*.example.org", "a.example.org:443"),
        ("*.example.org", "b.a.example.org:443"),
        ("*.example.org:8443", "a.example.org:8443"),
        ("bücher.example", "xn--bcher-kva.example:443"),
        ("192.0.2.7", "192.0.2.7:443"),
        ("192.0.2.7:81", "192.0.2.7:81"),
        ("::1", "[::1]:80"),
        ("[::1]", "[::1]:80"),
        ("[2001:DB8::0:1]:81", "[2001:db8::1]:81"),
        ("127.0.0.1", "[::ffff:127.0.0.1]:80"),
        ("localhost", "localhost:80"),
    ],
)
def test_what_is_listed_may_be_asked_for(entry: str, place: str) -> None:
    assert permits(entry, place)


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("data.example.org", "data.example.org:8080"),
        ("data.example.org", "evil-data.example.org:443"),
        ("data.example.org", "a.data.example.org:443"),
        ("data.example.org", "data.example.org.evil.example:443"),
        ("data.example.org:8080", "data.example.org:443"),
        ("*.example.org", "example.org:443"),
        ("*.example.org", "badexample.org:443"),
        ("*.example.org", "a.example.org.evil.example:443"),
        ("192.0.2.7", "192.0.2.70:443"),
        ("127.0.0.1", "localhost:80"),
        ("localhost", "127.0.0.1:80"),
    ],
)
def test_what_is_not_listed_may_not(entry: str, place: str) -> None:
    assert not permits(entry, place)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "data.example.org",
            "data.example.org:",
            "data.example.org:0",
            "data.example.org:65536",
            "data.example.org:443:443",
            "user@data.example.org:443",
            ":443",
        ),
        *(
            "a b:443",
            "a\n.org:443",
            "a/b:443",
            "::1:443",
            "[::1]",
            "[data.example.org]:443",
            "[fe80::1%1]:443",
            "-a.org:443",
        ),
        *(
            "0x7f.0.0.1:80",
            "2130706433:80",
            "127.1:80",
            "0177.0.0.1:80",
            "a..org:443",
            "data.example.org:4٤3",
            "x" * 300 + ":1",
        ),
    ],
)
def test_what_is_no_host_and_port_is_nobodys(text: str) -> None:
    assert place_of(text) is None


@pytest.mark.parametrize(
    "entry", ["", "*", "*.", "a b", "http://data.example.org", "data.example.org/simple", "a.*.org", "127.1", ":80"]
)
def test_an_entry_that_names_no_host_is_refused_with_what_to_write(entry: str) -> None:
    with pytest.raises(NetworkRefused) as refused:
        parse([entry])
    assert str(refused.value).startswith(f"ml-experiment.yaml: resources.network: {entry!a}: not a host name")
    assert "write host names (data.example.org)" in str(refused.value)


@pytest.mark.parametrize("entry", ["169.254.169.254", "169.254.169.254:80", "[fe80::1]", "::ffff:169.254.169.254"])
def test_an_address_that_is_never_reachable_cannot_be_listed(entry: str) -> None:
    with pytest.raises(NetworkRefused, match="never reachable"):
        parse([entry])


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.170.2", "fe80::1", "fd00:ec2::254", "168.63.129.16", "100.100.100.200"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1"),
    ],
)
def test_a_listed_name_that_leads_to_a_clouds_credentials_does_not_reach_them(address: str) -> None:
    assert not reaches(["data.example", "*.example"], "data.example:80", address)


def test_a_listed_name_reaches_public_addresses_and_private_ones_by_its_own_entry_only() -> None:
    assert reaches(["*.example"], "data.example:443", "93.184.215.14")
    assert reaches(["data.example"], "data.example:443", "10.0.0.5")
    assert not reaches(["*.example"], "data.example:443", "10.0.0.5")
    assert reaches(["*.example", "10.0.0.5"], "data.example:443", "10.0.0.5")


@pytest.mark.parametrize("loopback", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machines_own_services_are_reached_where_they_are_listed_only(loopback: str) -> None:
    assert not reaches(["data.example"], "data.example:80", loopback)
    assert reaches(["localhost"], "localhost:80", loopback)
    assert reaches(["data.example", loopback], "data.example:80", loopback)
    assert not reaches(["data.example:81", loopback], "data.example:81", loopback)


@given(st.text(max_size=40))
def test_whatever_is_asked_for_has_one_form_or_none(text: str) -> None:
    found = place_of(text)
    if found is not None:
        assert place_of(str(found)) == found
        assert str(found).isascii()
        assert str(found).isprintable()


@given(st.ip_addresses(), st.integers(1, 65535))
def test_an_address_is_read_back_as_it_is_written(address: ipaddress.IPv4Address, port: int) -> None:
    place = Place(str(address), port)
    assert place_of(str(place)) is not None


@given(st.ip_addresses(), st.sampled_from(["data.example", "localhost", "a.other.example"]))
def test_nothing_is_reached_that_a_list_without_private_entries_does_not_permit(
    address: ipaddress.IPv4Address, host: str
) -> None:
    if reaches(["*.other.example"], f"{host}:443", str(address)):
        # Whether 2002::/16 itself is global depends on Python's version; what it leads to is an IPv4 address.
        leads_to = address.sixtofour if isinstance(address, ipaddress.IPv6Address) else None
        assert (leads_to or address).is_global


def test_an_entry_without_a_port_means_the_usual_ones() -> None:
    assert parse(["data.example.org", "*.a.b:8"]).entries == (
        Entry("data.example.org", False, None),
        Entry("a.b", True, 8),
    )
