"""What can be told of a host by its name alone."""

import ipaddress


def on_this_machine(host: str | None) -> bool:
    """Tell whether what is sent to a host never leaves this machine; only `localhost` is believed by its name."""
    if host is None:
        return False
    if host.casefold() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
