"""What goes wrong with weights; every text names the thing, the value and the fix."""


class WeightsError(Exception):
    """The request cannot be met."""


class CatalogueError(WeightsError):
    """The list of weights is wrong: file, entry, key and value are named."""


class ChecksumError(WeightsError):
    """A file is not what it should be; it was not kept."""


class NoNetwork(WeightsError):
    """The source cannot be reached at all."""


class TransferBroken(WeightsError):
    """A download stopped half-way; what came is kept for the next try."""


class DiskFull(WeightsError):
    """The file system has no room for the rest."""
