"""The amounts that a restore would hold and read, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orbscan.showing.keypaths import keypath

if TYPE_CHECKING:
    from orbscan.aliases import Keypath
    from orbscan.planning.mesh import Mesh


class LeafPlan(NamedTuple):
    """The cost of restoring one leaf.

    Attributes:
        keypath: the keys that lead to it.
        nbytes: the bytes of the whole array.
        on: `device` if it is laid over the devices; `host` if each host holds all of it.
        copies: how many times the whole array is held, over all devices or hosts.
        held: bytes that each device (or host) holds.
        read: bytes of chunks that all devices (or hosts) read together.
        read_min: bytes of chunks that the device (or host) with the least to read must read.
        read_max: likewise with the most.
    """

    keypath: Keypath
    nbytes: int
    on: str
    copies: int
    held: int
    read: int
    read_min: int
    read_max: int

    @property
    def path(self) -> str:
        """The keypath as text, as `orbscan show` prints it."""
        return keypath(self.keypath)

    @property
    def amplification(self) -> float:
        """How many bytes are read for each byte that is held; 1.0 if nothing is held."""
        held = self.nbytes * self.copies
        return self.read / held if held else 1.0

    @property
    def wasted(self) -> int:
        """The bytes that all devices or hosts together read but do not hold."""
        return self.read - self.nbytes * self.copies


class DevicePlan(NamedTuple):
    """What one device holds and reads.

    Attributes:
        number: its number in the mesh, in row-major order.
        coordinates: its position on each axis of the mesh.
        host: the number of its host.
        held: bytes of its parts of all arrays that are laid over the devices.
        read: uncompressed bytes of all chunks that these parts overlap.
    """

    number: int
    coordinates: tuple[int, ...]
    host: int
    held: int
    read: int


class HostPlan(NamedTuple):
    """What one host holds and reads.

    Attributes:
        number: the number of the host.
        held: bytes on its devices, and of the leaves that each host holds as a whole.
        read: uncompressed bytes of the distinct chunks that it needs: a chunk that several of its
            devices overlap counts once.
    """

    number: int
    held: int
    read: int


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """The data of a `RestorePlan`, without its texts."""

    mesh: Mesh
    devices: tuple[DevicePlan, ...]
    hosts: tuple[HostPlan, ...]
    leaves: tuple[LeafPlan, ...]
    unplaced: int
    notes: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """The bytes of all leaves, once each."""
        return sum(leaf.nbytes for leaf in self.leaves)

    @property
    def device_memory(self) -> int:
        """The most bytes that a device holds, if it also has everything that is `unplaced`."""
        return max(device.held for device in self.devices) + self.unplaced

    @property
    def replicated(self) -> float:
        """The share of what the devices hold that is a further copy: 0.0 without any."""
        placed = [leaf for leaf in self.leaves if leaf.on == "device"]
        held = sum(leaf.nbytes * leaf.copies for leaf in placed)
        return 1 - sum(leaf.nbytes for leaf in placed) / held if held else 0.0

    def amplified(self, limit: int | None = 10) -> tuple[LeafPlan, ...]:
        """The leaves that read more than they hold, those with the most bytes in vain first."""
        wasteful = sorted(
            (leaf for leaf in self.leaves if leaf.wasted > 0), key=lambda leaf: -leaf.wasted
        )
        return tuple(wasteful[:limit])
