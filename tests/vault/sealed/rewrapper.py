"""A process that re-wraps, to be killed: `python -m tests.vault.sealed.rewrapper URL BATCH_ROWS LAST_BATCH`.

It says each batch on a line of its own, and after `LAST_BATCH` of them waits for its end.
"""

import sys
import time
from secrets import token_bytes

from keywright.vault.sealed.rewrap import rewrap
from keywright.vault.sealed.ring import Ring
from tests.vault.sealed.samples import local_kek
from tests.vault.sealed.shelves import opened


def main(url: str, batch_rows: int, last_batch: int) -> None:
    def told(done: int, _: int) -> None:
        print(done, flush=True)
        if done >= batch_rows * last_batch:
            time.sleep(600)

    with opened(url) as desk:
        ring = Ring((local_kek("new"), local_kek("old")), desk.shelf, "acme", token_bytes)
        rewrap(desk.shelf, ring, "acme", told, batch_rows)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
