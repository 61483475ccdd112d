"""The OCPP versions that can be offered, by subprotocol; only the one that the CSMS picks is loaded."""

from collections.abc import Callable, Mapping

from stationd.ocpp.version import Version


def load_v16() -> Version:
    """Load OCPP 1.6."""
    from stationd.ocpp.v16.routes import VERSION

    return VERSION


def load_v201() -> Version:
    """Load OCPP 2.0.1."""
    from stationd.ocpp.v201.routes import VERSION

    return VERSION


def load_v21() -> Version:
    """Load OCPP 2.1."""
    from stationd.ocpp.v21.routes import VERSION

    return VERSION


Loader = Callable[[], Version]
VERSIONS: Mapping[str, Loader] = {"ocpp1.6": load_v16, "ocpp2.0.1": load_v201, "ocpp2.1": load_v21}
