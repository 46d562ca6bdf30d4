"""Addresses from strangers: what is fetched, what is refused, what is gone on with."""

import socket
import ssl
import subprocess

import pytest

from studio.datasets.errors import SourceFailed, SourceRefused
from studio.sources import addresses, transfer, web
from studio.sources.addresses import TRUSTED, AddressRefused, route_to
from tests.sources.site import House, Reply, as_picture, png, served


def bring(house: House, site_url: str, *paths: str, **asked):
    house.environment[TRUSTED] = site_url
    return house.bring("urls", where="\n".join(f"{site_url}{path}" for path in paths), **asked)


def test_pictures_come_with_names_captions_and_their_address(house):
    pictures = {"/a/%E7%8C%AB.png": png(1), "/b.png": png(2), "/page": b"<html>"}

    def answer(asked):
        kind = "text/html" if asked.path == "/page" else "image/png"
        return Reply(pictures[asked.path], headers={"Content-Type": kind})

    with served(answer) as site:
        house.environment[TRUSTED] = site.url
        where = f"{site.url}/a/%E7%8C%AB.png\ta cat = 猫\n{site.url}/b.png {site.url}/page"
        brought = house.bring("urls", where=where, caption="any")
    assert house.captions() == {"猫.png": "a cat = 猫", "b.png": "any"}
    assert brought.skipped == {"page": "it is text/html, not a picture"}
    first = house.catalogue.get(1)
    assert (first.provenance.source, first.provenance.source_url) == ("urls", f"{site.url}/a/%E7%8C%AB.png")
    assert first.provenance.license == "NOASSERTION"
    assert first.provenance.retrieved_at.endswith("+00:00")
    assert {asked.headers.get("Cookie") for asked in site.asked} == {None}
    assert all(asked.headers["User-Agent"].startswith("InkstoneStudio/") for asked in site.asked)
    house.check_whole()


def test_cookies_of_a_site_are_not_kept(house):
    with served(lambda asked: as_picture(png(len(asked.path)), **{"Set-Cookie": "a=b"})) as site:
        bring(house, site.url, "/1", "/22")
    assert len(site.asked) == 2
    assert not any("Cookie" in asked.headers for asked in site.asked)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"X-Robots-Tag": "noindex, noai"}, "X-Robots-Tag: noai"),
        ({"X-Robots-Tag": "somebot: NoImageAI"}, "X-Robots-Tag: noimageai"),
        ({"TDM-Reservation": "1"}, "tdm-reservation: 1"),
    ],
)
def test_sites_that_opt_out_are_left_alone_unless_told_otherwise(house, headers, said):
    with served(lambda asked: as_picture(png(1), **headers)) as site:
        assert said in bring(house, site.url, "/a.png").skipped["a.png"]
        assert bring(house, site.url, "/a.png", honour_opt_outs=False).taken == ["a.png"]


@pytest.mark.parametrize("headers", [{"X-Robots-Tag": "noindex"}, {"TDM-Reservation": "0"}])
def test_other_headers_are_no_opt_out(house, headers):
    with served(lambda asked: as_picture(png(1), **headers)) as site:
        assert bring(house, site.url, "/a.png").taken == ["a.png"]


@pytest.mark.parametrize(
    "url",
    ["http://example.com/a.png", "file:///etc/passwd", "ftp://example.com/a", "https://user:word@example.com/",
     "https://exa mple.com/", "https:///a", "https://example.com:99999/", "https://a\\@127.0.0.1/", "gopher://x", "a.png"],
)  # fmt: skip
def test_what_is_no_plain_https_address_is_refused(url):
    with pytest.raises(AddressRefused):
        route_to(url, frozenset())


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
     "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:10.0.0.1]",
     "[64:ff9b::a00:1]", "[2002:a00:1::]", "localhost"],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_written(host):
    with pytest.raises(AddressRefused):
        route_to(f"https://{host}/a.png", frozenset())


@pytest.mark.parametrize("ip", ["8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses_are_connected_to_as_they_were_judged(monkeypatch, ip):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (ip, 443))])
    assert route_to("https://pictures.example/a.png", frozenset()).ip == ip


def test_a_name_with_one_private_address_is_refused(monkeypatch):
    both = [(0, 0, 0, "", (ip, 443)) for ip in ("8.8.8.8", "10.0.0.8")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(AddressRefused, match="private"):
        route_to("https://pictures.example/a.png", frozenset())


def test_a_name_is_asked_for_once_and_the_answer_is_what_is_connected_to(house, monkeypatch):
    """A name server that answers otherwise the second time (DNS rebinding) gains nothing."""
    answers = iter(["8.8.8.8", *["127.0.0.1"] * 20])
    asked: list[str] = []
    connected: list[object] = []

    def look_up(host, *_, **__):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 443))]

    def connect(address, *_, **__):
        connected.append(address)
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(transfer, "MOST_TRIES", 1)
    assert not house.bring("urls", where="https://pictures.example/a.png").taken
    assert asked == ["pictures.example"]
    assert connected == [("8.8.8.8", 443)]


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "https://[::1]/", "https://localhost/", "{other}"]
)  # fmt: skip
def test_redirects_into_a_private_network_are_refused(house, target):
    with served(lambda asked: as_picture(png(9))) as other:
        place = target.format(other=other.url)
        with served(lambda asked: Reply(status=302, headers={"Location": place})) as site:
            brought = bring(house, site.url, "/a.png")
        assert len(site.asked) == 1
        assert not other.asked
    assert not brought.taken
    assert any(words in brought.skipped["a.png"] for words in ("private network", "only https"))


def test_redirects_are_followed_but_not_for_ever(house):
    def answer(asked):
        if asked.path == "/two":
            return as_picture(png(1))
        return Reply(status=301, headers={"Location": "/two" if asked.path == "/one" else "/round"})

    with served(answer) as site:
        brought = bring(house, site.url, "/one", "/round")
    assert brought.taken == ["one"]
    assert brought.skipped == {"round": "it redirects more than 5 times"}


def test_a_busy_site_is_waited_for(house, waits):
    replies = iter([Reply(status=429, headers={"Retry-After": "3"}), Reply(status=503), as_picture(png(1))])
    with served(lambda asked: next(replies)) as site:
        assert bring(house, site.url, "/a.png").taken == ["a.png"]
    assert sum(waits) == 5  # three as told, two of our own at the second failure


def test_a_site_that_wants_an_hour_is_not_waited_for(house, waits):
    with served(lambda asked: Reply(status=429, headers={"Retry-After": "3600"})) as site:
        brought = bring(house, site.url, "/a.png")
    assert "3600" in brought.skipped["a.png"]
    assert not waits
    assert len(site.asked) == 1


def test_pictures_that_are_gone_are_told_and_not_asked_again(house):
    with served(lambda asked: Reply(status=404)) as site:
        assert bring(house, site.url, "/a.png").skipped == {"a.png": "it answered 404"}
    assert len(site.asked) == 1


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(house):
    content = png(1, 400, 400)
    half = len(content) // 2

    def answer(asked):
        if "Range" not in asked.headers:
            return Reply(content, headers={"Content-Type": "image/png", "ETag": '"v1"'}, cut=half)
        start = int(asked.headers["Range"].removeprefix("bytes=").rstrip("-"))
        told = {
            "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}",
            "Content-Type": "image/png",
        }
        return Reply(content[start:], 206, told)

    with served(answer) as site:
        assert bring(house, site.url, "/a.png").taken == ["a.png"]
    second = site.asked[1]
    assert (second.headers["Range"], second.headers["If-Range"]) == (f"bytes={half}-", '"v1"')
    house.check_whole()


def test_a_file_that_changed_meanwhile_is_fetched_anew(house):
    replies = iter(
        [Reply(png(1, 400, 400), headers={"ETag": '"v1"'}, cut=500), Reply(png(2), headers={"ETag": '"v2"'})]
    )
    with served(lambda asked: next(replies)) as site:
        assert bring(house, site.url, "/a.png").taken == ["a.png"]
    assert house.catalogue.get(1).measures.bytes == len(png(2))


def test_a_transfer_that_always_breaks_off_is_told(house):
    with served(lambda asked: Reply(png(1), cut=100)) as site:
        brought = bring(house, site.url, "/a.png")
    assert "connection failed" in brought.skipped["a.png"]
    assert len(site.asked) == 4


def test_what_is_too_large_or_too_slow_is_cut_off(house, monkeypatch):
    with served(lambda asked: as_picture(png(1, 400, 400))) as site:
        monkeypatch.setattr(web, "_PICTURE", web.Cap(1000, 100))
        assert "more than 0 MB" in bring(house, site.url, "/a.png").skipped["a.png"]
        monkeypatch.setattr(web, "_PICTURE", web.Cap(10**7, -1))
        assert "took more than" in bring(house, site.url, "/b.png").skipped["b.png"]
    assert not list((house.folder / "work").rglob("*.part"))


def test_a_dead_network_ends_the_import_which_then_goes_on(house, monkeypatch):
    monkeypatch.setattr(transfer, "MOST_TRIES", 1)
    with served(lambda asked: as_picture(png(int(asked.path[1:])))) as site:
        bring(house, site.url, *(f"/{n}" for n in range(3)))
        where = "\n".join(f"{site.url}/{n}" for n in range(9))
    with pytest.raises(SourceFailed, match="start the import again"):
        house.bring("urls", where=where)
    assert house.catalogue.count() == 3


def test_a_list_without_addresses_is_refused(house):
    with pytest.raises(SourceRefused, match="one a line"):
        house.bring("urls", where=" \n ")


def test_what_came_in_is_not_loaded_again(house):
    with served(lambda asked: as_picture(png(len(asked.path)))) as site:
        bring(house, site.url, "/a", "/bb")
        house.catalogue.delete([1])
        brought = bring(house, site.url, "/a", "/bb", "/ccc")
    assert site.paths() == ["/a", "/bb", "/ccc"]
    assert brought.taken == ["ccc"]
    assert "deleted" in brought.skipped["a"]


def test_encryption_is_checked_for_the_name_although_the_address_is_pinned(house, tmp_path, monkeypatch):
    """The road that every public picture takes, with a certificate of our own: the host's name is asked for and
    proven, the connection goes to the address that was judged."""
    names = "subjectAltName=DNS:pictures.example"
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
        "-addext",
        names,
    ]
    try:
        subprocess.run(
            [*words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    monkeypatch.setattr(addresses, "_is_public", lambda ip: ip == "127.0.0.1")
    monkeypatch.setattr(transfer, "MOST_TRIES", 1)
    with served(lambda asked: as_picture(png(1))) as site:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
        port = site.server.server_address[1]
        looked_up = lambda host, *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]  # noqa: E731
        monkeypatch.setattr(addresses.socket, "getaddrinfo", looked_up)
        unknown = house.bring("urls", where=f"https://pictures.example:{port}/a.png")
        assert "CERTIFICATE_VERIFY_FAILED" in unknown.skipped["a.png"]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert house.bring("urls", where=f"https://pictures.example:{port}/a.png").taken == ["a.png"]
        other = house.bring("urls", where=f"https://other.example:{port}/b.png")
        assert "CERTIFICATE_VERIFY_FAILED" in other.skipped["b.png"]
    assert [asked.headers["Host"] for asked in site.asked] == [f"pictures.example:{port}"]


def test_a_proxy_of_the_operator_is_used_and_judges_nothing_for_us(house):
    with (
        served(lambda asked: as_picture(png(3))) as proxy,
        served(lambda asked: as_picture(png(4))) as spared,
    ):
        house.environment |= {"http_proxy": proxy.url, "HTTPS_PROXY": proxy.url, "no_proxy": "127.0.0.1"}
        house.environment[TRUSTED] = f"http://pictures.example, {spared.url}"
        where = f"http://pictures.example/a.png {spared.url}/b.png https://10.0.0.1/c.png"
        brought = house.bring("urls", where=where)
    assert brought.taken == ["a.png", "b.png"]
    assert "private network" in brought.skipped["c.png"]
    assert [asked.headers["Host"] for asked in proxy.asked] == ["pictures.example"]
    assert spared.paths() == ["/b.png"]
