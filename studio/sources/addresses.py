"""Which addresses of the network a stranger's link may lead to. A page that fetches what it is told to must not become
a door into the network that it stands in: only public addresses, only encrypted, asked anew at every redirect, and the
connection goes to the very address that was judged."""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from studio.words import Said, Text

TRUSTED = "INKSTONE_TRUSTED_ORIGINS"
"""Environment variable in which whoever runs the studio names origins (scheme://host:port) of their own network that
may be fetched from although they are private or unencrypted; whoever uses it can't."""

NOT_HTTPS = Text("only https:// addresses are fetched", "只获取 https:// 地址")
NOT_AN_ADDRESS = Text("it is no address that can be fetched", "这不是可获取的网址")
PRIVATE = Text(
    "{host} lies in a private network, which is not fetched from", "{host} 属于内部网络，不从那里获取"
)
UNKNOWN_HOST = Text("no such site: {host}", "找不到网站 {host}")
_PORTS = {"http": 80, "https": 443}


class AddressRefused(Exception):
    """Why an address is not fetched."""

    def __init__(self, reason: Said) -> None:
        super().__init__(reason.say())
        self.reason = reason


@dataclass(frozen=True)
class Route:
    """Where to connect for an address: `ip` is the judged one, empty where the operator trusts the origin or a proxy of
    theirs does the connecting."""

    url: str
    host: str
    ip: str = ""


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, the port always written."""
    parts = _parts(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def trusted_origins(environment: Mapping[str, str]) -> frozenset[str]:
    """The origins that whoever runs the studio has named."""
    return frozenset(map(origin_of, environment.get(TRUSTED, "").replace(",", " ").split()))


def route_to(url: str, trusted: frozenset[str], is_proxied: bool = False) -> Route:
    """Where an address leads, or AddressRefused: it isn't https, or one of its host's addresses is not public."""
    parts = _parts(url)
    host = str(parts.hostname)
    if origin_of(url) in trusted:
        return Route(url, host)
    if parts.scheme != "https":
        raise AddressRefused(Said(NOT_HTTPS, {}))
    found = _addresses(host, parts.port or 443, is_proxied)
    if not all(map(_is_public, found)):
        raise AddressRefused(Said(PRIVATE, {"host": host}))
    return Route(url, host, "" if is_proxied or not found else found[0])


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise AddressRefused(Said(NOT_AN_ADDRESS, {})) from None
    is_plain = not any(c.isspace() or not c.isprintable() or c == "\\" for c in url)
    if not is_complete or parts.scheme not in _PORTS or parts.username is not None or not is_plain:
        raise AddressRefused(Said(NOT_AN_ADDRESS, {}))
    return parts


def _addresses(host: str, port: int, is_proxied: bool) -> list[str]:
    """All that a name stands for. Behind a proxy a name that only the proxy can look up is left to it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        if is_proxied:
            return []
        raise AddressRefused(Said(UNKNOWN_HOST, {"host": host})) from None
    return list(dict.fromkeys(str(address[4][0]).partition("%")[0] for address in found))


def _is_public(ip: str) -> bool:
    """Whether an address is one of the open internet, also where it wraps another (6to4, NAT64, mapped IPv4)."""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _inside_nat64(address)
        if inner is not None:
            return _is_public(str(inner))
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inside_nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    is_wrapped = address in ipaddress.ip_network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if is_wrapped else None
