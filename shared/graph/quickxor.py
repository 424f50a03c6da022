"""QuickXorHash, the only hash that OneDrive for Business gives of a file.

Microsoft publishes it: a state of 160 bits, into which byte number i of the file is xored at bit
11·i (mod 160), and at the end the length, as 64 bits, over the last 8 bytes. Since 11 and 160 have
no common divisor, all bytes whose number is equal mod 160 meet the same bits. So the file is first
folded to 160 bytes, with integers of whole slices, and the bits are placed once.
"""

from __future__ import annotations

import base64

_PERIOD = 160
_STATE_BITS = 160
_SLICE_BLOCKS = 1024
_SLICE_BYTES = _SLICE_BLOCKS * _PERIOD
_SHIFT = 11


class QuickXor:
    """The hash of what was given to ``update``, in order."""

    def __init__(self) -> None:
        self._columns = 0
        self._length = 0

    def update(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _SLICE_BYTES):
            self._fold(view[start : start + _SLICE_BYTES])

    def text(self) -> str:
        """The hash as Graph writes it: base64 of its 20 bytes."""
        state = 0
        for place, byte in enumerate(self._columns.to_bytes(_PERIOD, "little")):
            shifted = byte << (_SHIFT * place % _STATE_BITS)
            state ^= (shifted & (1 << _STATE_BITS) - 1) | shifted >> _STATE_BITS
        state ^= (self._length & (1 << 64) - 1) << (_STATE_BITS - 64)
        return base64.b64encode(state.to_bytes(_STATE_BITS // 8, "little")).decode()

    def _fold(self, part: memoryview) -> None:
        folded = int.from_bytes(part, "little")
        blocks = _SLICE_BLOCKS // 2
        while blocks:
            bits = blocks * _PERIOD * 8
            folded = (folded >> bits) ^ (folded & (1 << bits) - 1)
            blocks //= 2
        # The part begins at this column, and what runs over the last one begins again at the first.
        turned = folded << self._length % _PERIOD * 8
        self._columns ^= (turned & (1 << _PERIOD * 8) - 1) ^ (turned >> _PERIOD * 8)
        self._length += len(part)
