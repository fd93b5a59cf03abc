"""When something was saved, in recorded nanoseconds and as a `datetime`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Recorded(Protocol):
    """The times that a save recorded."""

    @property
    def init_timestamp_nsecs(self) -> int | None:
        """When it began, in nanoseconds since 1970 in UTC; None if it is not recorded."""

    @property
    def commit_timestamp_nsecs(self) -> int | None:
        """When it finished, likewise."""


class Moments:
    """Converts the recorded times to `datetime`."""

    __slots__ = ()

    @property
    def init_timestamp(self: Recorded) -> datetime | None:
        """When the save began, in UTC, truncated to microseconds; None if it is not recorded.

        Raises:
            OverflowError: the time lies outside the years 1 to 9999.
        """
        return as_datetime(self.init_timestamp_nsecs)

    @property
    def commit_timestamp(self: Recorded) -> datetime | None:
        """When the save finished, in UTC, truncated to microseconds; None if it is not recorded.

        Raises:
            OverflowError: the time lies outside the years 1 to 9999.
        """
        return as_datetime(self.commit_timestamp_nsecs)


def as_datetime(nsecs: int | None) -> datetime | None:
    """Convert nanoseconds since 1970, truncating them to microseconds.

    Raises:
        OverflowError: the time lies outside the years 1 to 9999.

    >>> as_datetime(1_999)
    datetime.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    # Integers throughout: dividing nanoseconds by 1e9 would already have rounded them.
    return None if nsecs is None else _EPOCH + timedelta(microseconds=nsecs // 1_000)
