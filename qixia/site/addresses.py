"""Under which addresses phones nearby reach this machine."""

import socket

# An address for documentation (RFC 5737). Connecting a UDP socket sends nothing; it only makes the kernel choose a route.
_ELSEWHERE = ("192.0.2.1", 9)


def lan_addresses() -> list[str]:
    """IPv4 addresses of this machine that are not loopback; the one with the default route first."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
            found.append(str(probe.getsockname()[0]))
        except OSError:
            pass  # no network at all
    try:
        entries = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        entries = []
    found += [str(entry[4][0]) for entry in entries]
    return [address for address in dict.fromkeys(found) if not address.startswith(("127.", "0."))]
