"""The audio of a call for a program: one ring per direction, int16 mono, read and written without waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Tap(Protocol):
    """What a program hears and says on one stream. One thread may read and one (the same or another) may write.

    Nothing here waits. Samples are int16, mono, at ``sample_rate``. A reader that falls behind loses the newest
    samples and a writer that runs dry sends silence; both are counted, in ``dropped``.
    """

    sample_rate: int
    """Hz, of both directions."""

    @property
    def readable(self) -> int:
        """Samples that ``read`` could return now."""
        ...

    @property
    def writable_space(self) -> int:
        """Samples that ``write`` would accept now."""
        ...

    @property
    def unplayed(self) -> int:
        """Samples written and not sent yet."""
        ...

    @property
    def dropped(self) -> int:
        """Received samples lost because nobody read them in time."""
        ...

    @property
    def starved(self) -> int:
        """Samples of silence sent in the middle of a written stretch because nothing was there in time."""
        ...

    def read(self, max_samples: int) -> NDArray[np.int16]:
        """Return the oldest received samples, at most ``max_samples``; empty when there are none."""
        ...

    def write(self, samples: NDArray[np.int16]) -> int:
        """Queue samples to be sent; return how many were accepted (as many as ``writable_space`` holds)."""
        ...

    def clear(self) -> int:
        """Throw away what was written and not sent yet (barge-in); return the number of samples.

        At most the frame being sent at this moment still goes out.
        """
        ...

    def close(self) -> None:
        """Detach from the stream. Safe to call twice."""
        ...
