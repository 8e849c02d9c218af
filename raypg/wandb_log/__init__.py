"""`--wandb`: every trial as a run of W&B, from the driver's one process.

W&B is imported, started and waited for in threads of its own, behind bounded queues:
whatever it does, a sweep neither fails nor waits. Without the flag nothing is imported.
"""

from raypg.wandb_log.audience import WandbLog, log_to_wandb
from raypg.wandb_log.session import About, Facts
