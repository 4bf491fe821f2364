"""What may be called: the tricks that are known, as text and as numbers."""

import ipaddress

import pytest
from pydantic import ValidationError

from qixia.outgoing import rules
from qixia.outgoing.policy import Destinations

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "fe80::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "114.114.114.114", "172.32.0.1", "100.128.0.1", "2400:3200::1", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_inner_addresses_are_not_public(address: str):
    assert not rules.is_public(ipaddress.ip_address(address))
    with pytest.raises(rules.Refused):
        rules.check_address(address, rules.Permit(listed=True))
    rules.check_address(address, rules.Permit(listed=True, private=True))


@pytest.mark.parametrize("address", PUBLIC)
def test_outer_addresses_are(address: str):
    assert rules.is_public(ipaddress.ip_address(address))


BAD = [
    "",
    "robots.example",
    "//robots.example/x",
    "file:///etc/passwd",
    "gopher://robots.example/",
    "ftp://robots.example/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "https://",
    "https:///path",
    "https://user@robots.example/",
    "https://user:secret@robots.example/",
    "https://robots.example@127.0.0.1/",
    "https://127.0.0.1\\@robots.example/",
    "https://robots.example\\.evil.example/",
    "https://robots.example /",
    " https://robots.example/",
    "https://robots.example/\r\nHost: evil",
    "https://robots.example/\t",
    "https://robots.example:0x50/",
    "https://robots.example:99999/",
    "https://robots.example:-1/",
    "https://robots..example/",
    "https://-robots.example/",
    "https://127。0。0。1/",
    "https://127.0.0.1/",
    "https://ⓛocalhost/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.1.2/",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
    "https://[v1.fe80::]/",
    "https://robots.example/" + "x" * 2048,
]


@pytest.mark.parametrize("url", BAD)
def test_what_programs_read_in_two_ways_is_refused(url: str):
    if url == "https://127.0.0.1/":  # well formed; refused when it is looked up
        assert rules.parse(url).host == "127.0.0.1"
        return
    with pytest.raises(rules.Refused):
        rules.parse(url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://Robots.Example./a?b=c#d", rules.Target("https", "robots.example", 443, "/a?b=c")),
        ("https://robots.example:8443", rules.Target("https", "robots.example", 8443, "/")),
        ("http://[2400:3200::1]:80/x", rules.Target("http", "2400:3200::1", 80, "/x")),
        ("https://xn--fiq228c.example/", rules.Target("https", "xn--fiq228c.example", 443, "/")),
    ],
)
def test_parts(url: str, target: rules.Target):
    assert rules.parse(url) == target


def test_host_header():
    assert rules.parse("https://robots.example/").netloc == "robots.example"
    assert rules.parse("https://robots.example:8443/").netloc == "robots.example:8443"
    assert rules.parse("http://[2400:3200::1]:8080/").netloc == "[2400:3200::1]:8080"


@pytest.mark.parametrize(
    "url", ["http://robots.example/", "https://robots.example:22/", "https://robots.example:8443/"]
)
def test_only_https_on_its_port_unless_listed(url: str):
    target = rules.parse(url)
    with pytest.raises(rules.Refused):
        rules.check(target, rules.Permit())
    rules.check(target, rules.Permit(listed=True))


def test_a_message_never_holds_the_secret_part():
    with pytest.raises(rules.Refused) as refusal:
        rules.parse("https://user@robots.example/robot?key=9f3c-secret")
    assert "secret" not in str(refusal.value)
    assert "secret" not in repr(refusal.value)


class TestList:
    def permit(self, url: str) -> rules.Permit:
        data = [
            {"host": "Camera.City.Lan", "scheme": "http", "port": 8080, "private": True, "why": "路口摄像头"},
            {"host": "fd00::5", "private": True, "why": "内网网关"},
            {"host": "sso.example", "redirects": True, "why": "统一登录"},
        ]
        return Destinations.model_validate({"exceptions": data}).permit(rules.parse(url))

    def test_fits_scheme_host_and_port_together(self):
        assert self.permit("http://camera.city.lan:8080/x") == rules.Permit(True, True, False)
        assert self.permit("https://[fd00:0:0::5]/") == rules.Permit(True, True, False)
        assert self.permit("https://sso.example/") == rules.Permit(True, False, True)
        for other in (
            "https://camera.city.lan:8080/",
            "http://camera.city.lan/",
            "http://x.camera.city.lan:8080/",
            "https://sso.example.evil.example/",
            "https://evil-sso.example/",
        ):
            assert self.permit(other) == rules.Permit()

    @pytest.mark.parametrize(
        "host", ["", "a b", "https://x.example", "x.example/path", "u@x.example", "*.example", "127.1"]
    )
    def test_a_line_names_one_host(self, host: str):
        with pytest.raises(ValidationError):
            Destinations.model_validate({"exceptions": [{"host": host, "why": "因为需要"}]})

    def test_a_line_says_why(self):
        with pytest.raises(ValidationError):
            Destinations.model_validate({"exceptions": [{"host": "x.example", "why": ""}]})
