"""`python -m tests.training.fresh`: what each model's trial gives in a fresh process.

Every trial has a process of its own, forked before torch has computed anything: as
fresh as one that is started anew, without its seconds of imports.
"""

import json
import os
import sys

from raypg.models import MODELS
from tests.training.tiny import tiny_config, train_tiny, trial_digest


def main() -> None:
    """Print a digest for each model."""
    digests = {}
    for name in sorted(MODELS):
        out, into = os.pipe()
        if not os.fork():
            os.write(into, trial_digest(*train_tiny(tiny_config(name))).encode())
            os._exit(0)
        os.wait()
        digests[name] = os.read(out, 16).decode()
    json.dump(digests, sys.stdout)


if __name__ == "__main__":
    main()
