"""The client against real servers on the loopback that try the known tricks."""

import gzip
import logging
import socket
import time

import pytest

from qixia.kernel.config import get_config
from qixia.outgoing import client
from qixia.outgoing.client import Limits, send
from qixia.outgoing.rules import Refused, Unreachable
from qixia.outgoing.tests.servers import certificates, page, says, serving
from qixia.policy.services import publish

pytestmark = pytest.mark.django_db

HERE = "127.0.0.1"
QUICK = Limits(connect_s=1, total_s=1.5, max_answer=100_000)


def here(_host: str, _port: int) -> list[str]:
    return [HERE]


@pytest.fixture
def allow():
    """Publish the administrators' list."""

    def publish_list(*lines: dict) -> None:
        exceptions = [{"scheme": "http", "why": "测试用的服务", **line} for line in lines]
        publish("outgoing.destinations", {"exceptions": exceptions}, note="test", actor_ref="system:test")

    return publish_list


@pytest.fixture(autouse=True)
def nothing_listed(allow):
    allow()


@pytest.fixture
def ask(allow):
    """GET from a server that the list allows."""

    def get(server, *, limits: Limits = QUICK, **options):
        allow({"host": "camera.lan", "port": server.port, "private": True})
        return send("GET", f"http://camera.lan:{server.port}/x", purpose="test", limits=limits, resolve=here, **options)

    return get


class TestAllowed:
    def test_an_answer(self, ask):
        with serving(says(page("收到".encode(), headers="X-Robot: 7\r\n"))) as server:
            answer = ask(server, headers={"Authorization": "Bearer t"})
        assert (answer.status, answer.body.decode(), answer.headers["x-robot"]) == (200, "收到", "7")
        request = server.seen[0].lower()
        assert request.startswith(b"get /x http/1.1\r\n")
        assert f"host: camera.lan:{server.port}".encode() in request
        assert b"authorization: bearer t" in request
        assert b"accept-encoding: identity" in request
        assert b"cookie" not in request

    def test_a_body_is_sent_once(self, allow):
        with serving(says(page(status="500 Broken"))) as server:
            allow({"host": "camera.lan", "port": server.port, "private": True})
            url = f"http://camera.lan:{server.port}/robot?key=k"
            answer = send("POST", url, purpose="test", body=b'{"a":1}', resolve=here, limits=QUICK)
        assert answer.status == 500
        assert len(server.seen) == 1
        assert server.seen[0].startswith(b"POST /robot?key=k ")
        assert server.seen[0].endswith(b'\r\n\r\n{"a":1}')

    def test_the_second_address_where_the_first_is_dead(self, allow):
        with serving(says(page())) as server:
            allow({"host": "camera.lan", "port": server.port, "private": True})
            dead_first = lambda _host, _port: ["::1", HERE]  # noqa: E731 — nobody listens on the first
            answer = send("GET", f"http://camera.lan:{server.port}/", purpose="test", resolve=dead_first, limits=QUICK)
        assert answer.status == 200

    def test_log_names_the_host_and_no_secret(self, ask, caplog):
        logging.getLogger("qixia.outgoing").propagate = True
        with serving(says(page())) as server, caplog.at_level(logging.INFO, "qixia.outgoing"):
            logging.getLogger("qixia.outgoing").addHandler(caplog.handler)
            ask(server, headers={"Authorization": "Bearer s3cret"})
        record = next(one for one in caplog.records if one.name == "qixia.outgoing")
        assert (record.host, record.outcome, record.purpose) == ("camera.lan", 200, "test")
        assert "s3cret" not in str(vars(record))


class TestRefused:
    """Nothing is sent: the server on the other side sees no request."""

    @pytest.mark.parametrize("name", ["localhost", HERE, "[::1]", "[::ffff:127.0.0.1]", "printer.lan"])
    def test_inner_addresses(self, name):
        with serving(says(page())) as server, pytest.raises(Refused):
            # listed by nobody: the port alone is refused
            send("GET", f"https://{name}:{server.port}/", purpose="test", resolve=here)
        assert server.seen == []

    @pytest.mark.parametrize("found", [[HERE], ["10.0.0.1"], ["169.254.169.254"], ["8.8.8.8", HERE], ["::1"]])
    def test_a_public_name_that_points_inside(self, found):
        with pytest.raises(Refused, match="内部"):
            send("GET", "https://robots.example/", purpose="test", resolve=lambda _h, _p: found)

    def test_a_listed_host_that_may_not_be_private(self, allow):
        with serving(says(page())) as server:
            allow({"host": "camera.lan", "port": server.port})
            with pytest.raises(Refused, match="内部"):
                send("GET", f"http://camera.lan:{server.port}/", purpose="test", resolve=here)
        assert server.seen == []

    def test_a_name_that_changes_its_mind(self, allow):
        """DNS rebinding: the first look is public, a second one would be the loopback. There is no second one."""
        looks = []

        def rebind(_host: str, _port: int) -> list[str]:
            looks.append(1)
            return ["203.0.114.1"] if len(looks) == 1 else [HERE]

        with serving(says(page())) as server:
            allow({"host": "rebind.example", "port": server.port})
            with pytest.raises((Refused, Unreachable, RuntimeError)):
                send("GET", f"http://rebind.example:{server.port}/", purpose="test", resolve=rebind, limits=QUICK)
        assert looks == [1]
        assert server.seen == []

    @pytest.mark.parametrize("headers", [{"X": "a\r\nHost: evil"}, {"X\r\nY": "a"}, {"X": "a\x00"}])
    def test_split_headers(self, headers):
        with pytest.raises(Refused):
            send("GET", "https://robots.example/", purpose="test", headers=headers, resolve=here)

    @pytest.mark.parametrize("name", ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Accept-Encoding"])
    def test_headers_that_are_ours(self, name):
        with pytest.raises(ValueError, match="set here"):
            send("GET", "https://robots.example/", purpose="test", headers={name: "x"}, resolve=here)

    def test_too_large_a_body(self):
        with pytest.raises(Refused):
            send("POST", "https://robots.example/", purpose="test", body=b"x" * 11, limits=Limits(max_body=10))


class TestRedirects:
    def to(self, address: str, status: str = "302 Found"):
        return says(page(b"", status, f"Location: {address}\r\n"))

    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
    def test_are_not_followed(self, ask, status):
        with (
            serving(says(page())) as inner,
            serving(self.to(f"http://{HERE}:{inner.port}/", status)) as server,
            pytest.raises(Unreachable, match="转到"),
        ):
            ask(server)
        assert inner.seen == []

    @pytest.mark.parametrize(
        "address",
        ["http://127.0.0.1:{port}/", "file:///etc/passwd", "https://u@x.example/", "//other.lan:{port}/", "gopher://x"],
    )
    def test_a_hop_is_checked_like_the_first(self, allow, address):
        with serving(says(page())) as inner, serving(self.to(address.format(port=inner.port))) as server:
            allow({"host": "camera.lan", "port": server.port, "private": True, "redirects": True})
            with pytest.raises(Refused):
                send("GET", f"http://camera.lan:{server.port}/", purpose="test", resolve=here, limits=QUICK)
        assert inner.seen == []

    def test_followed_where_listed_without_the_secret(self, allow):
        with serving(says(page(b"there"))) as second, serving(self.to(f"http://b.lan:{second.port}/y")) as first:
            allow(
                {"host": "a.lan", "port": first.port, "private": True, "redirects": True},
                {"host": "b.lan", "port": second.port, "private": True},
            )
            answer = send(
                "POST",
                f"http://a.lan:{first.port}/",
                purpose="test",
                headers={"Authorization": "Bearer t", "Content-Type": "text/plain"},
                body=b"x",
                resolve=here,
                limits=QUICK,
            )
        assert answer.body == b"there"
        assert b"authorization" in first.seen[0].lower()
        assert second.seen[0].startswith(b"GET /y ")
        assert b"authorization" not in second.seen[0].lower()

    def test_a_circle_ends(self, allow):
        with serving(self.to("/again")) as server:
            allow({"host": "a.lan", "port": server.port, "private": True, "redirects": True})
            with pytest.raises(Unreachable):
                send("GET", f"http://a.lan:{server.port}/", purpose="test", resolve=here, limits=QUICK)
        assert len(server.seen) == client.HOPS + 1


def drip(raw: bytes, pause: float):
    """One byte every `pause` seconds: each read is quick, the whole never ends."""

    def talk(wire: socket.socket, _request: bytes) -> None:
        for byte in raw:
            wire.sendall(bytes([byte]))
            time.sleep(pause)

    return talk


def endless(head: bytes, part: bytes):
    def talk(wire: socket.socket, _request: bytes) -> None:
        wire.sendall(head)
        while True:
            wire.sendall(part)

    return talk


class TestHostileServers:
    @pytest.mark.parametrize(
        "talk",
        [
            pytest.param(lambda wire, _request: time.sleep(5), id="silent"),
            pytest.param(drip(page(b"x" * 500), 0.05), id="dripping-headers"),
            pytest.param(drip(page(b"x" * 500)[:60] + b"x" * 500, 0.05), id="dripping-body"),
        ],
    )
    def test_slow_ones_are_cut_at_the_deadline(self, ask, talk):
        with serving(talk) as server:
            started = time.monotonic()
            with pytest.raises(Unreachable):
                ask(server)
            took = time.monotonic() - started
        assert took < QUICK.total_s + 1.5

    @pytest.mark.parametrize(
        "talk",
        [
            pytest.param(says(page(b"x" * 100_001)), id="large"),
            pytest.param(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), id="endless"),
            pytest.param(
                endless(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
                ),
                id="endless-chunks",
            ),
            pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), id="endless-headers"),
            pytest.param(endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"x" * 65536), id="endless-header"),
            pytest.param(
                says(page(gzip.compress(b"0" * 50_000_000), headers="Content-Encoding: gzip\r\n")), id="compressed-bomb"
            ),
            pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"), id="shorter-than-it-says"),
            pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nxxxxxxx"), id="negative-length"),
            pytest.param(says(b"SSH-2.0-OpenSSH_9.2\r\n"), id="not-http"),
            pytest.param(says(b""), id="hangs-up"),
            pytest.param(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"), id="bad-chunk"),
        ],
    )
    def test_wrong_answers_are_unreachable_and_bounded(self, ask, talk):
        with serving(talk) as server:
            started = time.monotonic()
            try:
                answer = ask(server)
            except Unreachable:
                answer = None
            took = time.monotonic() - started
        assert answer is None or len(answer.body) <= 16  # a negative length reads to the end, which is harmless
        assert took < QUICK.total_s + 1.5

    def test_nobody_there(self, allow):
        allow({"host": "camera.lan", "port": 9, "private": True})
        with pytest.raises(Unreachable):
            send("GET", "http://camera.lan:9/", purpose="test", resolve=here, limits=QUICK)

    def test_a_resolver_that_hangs(self):
        with pytest.raises(Unreachable, match="解析"):
            send(
                "GET",
                "https://x.example/",
                purpose="test",
                limits=Limits(total_s=0.3),
                resolve=lambda _h, _p: time.sleep(2) or [],
            )

    def test_a_name_that_is_not_there(self):
        def missing(_host: str, _port: int) -> list[str]:
            raise socket.gaierror(-2, "not known")

        with pytest.raises(Unreachable, match="解析"):
            send("GET", "https://x.example/", purpose="test", resolve=missing)


class TestCertificates:
    @pytest.fixture
    def talk_tls(self, tmp_path, monkeypatch, allow):
        def talk(certified: str, host: str, *, believed: bool = True):
            pem, context = certificates(tmp_path, certified)
            monkeypatch.setattr(get_config(), "outgoing_ca_file", pem if believed else None)
            with serving(says(page(b"secure")), context) as server:
                allow({"scheme": "https", "host": host, "port": server.port, "private": True})
                url = f"https://{host}:{server.port}/"
                return send("GET", url, purpose="test", resolve=here, limits=QUICK).body

        return talk

    def test_the_citys_own_authority(self, talk_tls):
        assert talk_tls("gateway.lan", "gateway.lan") == b"secure"

    def test_an_address_as_host(self, talk_tls):
        assert talk_tls("127.0.0.1", "127.0.0.1") == b"secure"

    def test_for_another_name(self, talk_tls):
        with pytest.raises(Unreachable, match="证书"):
            talk_tls("other.lan", "gateway.lan")

    def test_of_nobody_known(self, talk_tls):
        with pytest.raises(Unreachable, match="证书"):
            talk_tls("gateway.lan", "gateway.lan", believed=False)
