"""`python -m raypg.tune` with little patience: what takes minutes takes seconds."""

import os

from raypg import lease
from raypg.results import append
from raypg.tune import main

lease.WINDOW_S = 6.0
append.BUCKET_FLUSH_S = 0.5
append.MAX_BACKOFF_S = 1.0
append.PATIENCE_S = append.CLOSE_PATIENCE_S = float(os.environ["PATIENCE_S"])

if __name__ == "__main__":
    main()
