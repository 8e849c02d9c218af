"""Components that a user has written: `my_net.py:MyNet`, or `my_pkg.nets:MyNet`."""

from raypg.own.fault import OwnFault, OwnFaults
from raypg.own.names import is_own, own_name, portable_name
from raypg.own.objects import forget, load_object
from raypg.own.signature import (
    OwnConfig,
    OwnOptimizerConfig,
    arguments_of,
    config_class,
)
