"""The one root of all errors this project raises on purpose."""


class StationError(Exception):
    """Say in one lower-case sentence what cannot be done, with the value and the fix."""


class ConfigurationError(StationError):
    """A file or an argument is wrong; the person who wrote it can mend it."""


class HardwareError(StationError):
    """A device or its interface does not answer as its profile says."""


class StorageError(StationError):
    """The state directory cannot be read or written."""
