"""What can go wrong with a warehouse; every text says what, where and what to do, on one line.

WarehouseError
├── NoWarehouseError   there is no file, or nothing in it yet
├── LockedError        another process has the file open
├── ForeignFileError   the file is not a warehouse, or one of a newer version
├── ShardError         a shard cannot be written or read
└── QueryError         the SQL does not run
"""


class WarehouseError(Exception):
    """Base of everything a warehouse raises."""


class NoWarehouseError(WarehouseError):
    """There is no file, or nothing in it yet."""


class LockedError(WarehouseError):
    """Another process has the file open."""


class ForeignFileError(WarehouseError):
    """The file is not a warehouse, or one of a newer version."""


class ShardError(WarehouseError):
    """A shard cannot be written or read."""


class QueryError(WarehouseError):
    """The SQL does not run."""
