"""When something was saved, in nanoseconds as it is recorded, and as a `datetime`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Recorded(Protocol):
    """What a save recorded."""

    @property
    def init_timestamp_nsecs(self) -> int | None:
        """When it began, in nanoseconds since 1970 in UTC; None if the writer did not say."""

    @property
    def commit_timestamp_nsecs(self) -> int | None:
        """When it finished, likewise."""


class Moments:
    """Gives what a save recorded as a `datetime`."""

    __slots__ = ()

    @property
    def init_timestamp(self: Recorded) -> datetime | None:
        """When the save began, in UTC, cut to microseconds; None if the writer did not say.

        Raises:
            OverflowError: the moment lies outside the years 1 to 9999.
        """
        return as_datetime(self.init_timestamp_nsecs)

    @property
    def commit_timestamp(self: Recorded) -> datetime | None:
        """When the save finished, in UTC, cut to microseconds; None if the writer did not say.

        Raises:
            OverflowError: the moment lies outside the years 1 to 9999.
        """
        return as_datetime(self.commit_timestamp_nsecs)


def as_datetime(nsecs: int | None) -> datetime | None:
    """Convert nanoseconds since 1970, cutting them to microseconds.

    Raises:
        OverflowError: the moment lies outside the years 1 to 9999.

    >>> as_datetime(1_999)
    datetime.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    # Integers throughout: dividing nanoseconds by 1e9 would already have rounded them.
    return None if nsecs is None else _EPOCH + timedelta(microseconds=nsecs // 1_000)
