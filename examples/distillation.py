"""Does a teacher pay, and at which temperature? A DenseNet teaches small MLPs.

    python examples/distillation.py [--store runs] [KEY=VALUE ...]

Trains the DenseNet on the embedded digits, then the sweep of its students: 5 arms, 3
seeds. What the store holds is not trained again, so that a second call trains nothing.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import raypg

TEACHER = ["model.name=densenet", "model.depth=22", "model.growth_rate=4"]
SPACE = '''"""Does a teacher pay, and at which temperature? 5 arms, 3 seeds."""

from raypg import Ablation

SPACE = Ablation(
    base={{
        "model.name": "mlp",
        "model.hidden": 32,
        "train.epochs": 6,
        "train.teacher": "{teacher}",
    }},
    axes={{
        "train.distill_temperature": [4.0, 1.0, 2.0, 8.0],
        "train.distill_weight": [0.9, 0.0],  # 0 is to learn from the labels alone
    }},
    design="one_at_a_time",
    seeds=3,
)
'''


def main() -> int:
    """Train the teacher, write the space of its students, run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", default="runs")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_args()
    store = ["--store", options.store]
    _run("raypg.train", *TEACHER, *store)
    best = "select trial from unique_trials where config.model.name = 'densenet'"
    newest = f"{best} and status = 'completed' order by finished desc limit 1"
    (teacher,) = raypg.open_store(options.store).sql(newest)["trial"].to_pylist()
    with tempfile.TemporaryDirectory() as folder:
        space = Path(folder) / "temperature.py"
        space.write_text(SPACE.format(teacher=teacher))
        return _run("raypg.tune", str(space), *options.overrides, *store)


def _run(module: str, *arguments: str) -> int:
    print(f"\n$ python -m {module} {' '.join(arguments)}", flush=True)
    return subprocess.run([sys.executable, "-m", module, *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main())
