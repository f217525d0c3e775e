"""The processes of a run under ``accelerate launch``: how many there are and which one this is."""

import logging
import os
from datetime import timedelta
from functools import cache

import torch
from accelerate import PartialState
from torch.distributed import PrefixStore, Store, TCPStore

#: How long the other processes of a run wait while the first one evaluates or pushes.
PROCESS_TIMEOUT = timedelta(hours=6)

logger = logging.getLogger(__name__)


@cache
def join_processes() -> PartialState:
    """Connect to the other processes of the run; a process that was started alone is the main one of one.

    The launcher sets LOCAL_RANK. Without a GPU accelerate ignores it unless ``cpu`` is set: each process would then
    take itself for the only one, and all of them would write the same files.
    """
    launched_on_cpu = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
    if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0":
        state = PartialState(cpu=launched_on_cpu, timeout=PROCESS_TIMEOUT)
    else:
        rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        state = PartialState(
            cpu=launched_on_cpu, timeout=PROCESS_TIMEOUT, store=_fresh_store(), rank=rank, world_size=world_size
        )
    if state.num_processes > 1:
        logger.info("%d processes on %s", state.num_processes, state.device.type)
    return state


def _fresh_store() -> Store:
    """Where the processes exchange addresses after the launcher restarted them (``--max_restarts``).

    The launcher's own store survives a restart and still holds the addresses of the processes that died.
    """
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(host, port, is_master=False, timeout=PROCESS_TIMEOUT)
    return PrefixStore(f"start {os.environ['TORCHELASTIC_RESTART_COUNT']}", store)


def use_all_cores(state: PartialState) -> None:
    """Share the cores of a CPU run among its processes.

    ``accelerate launch`` gives each process one thread unless told otherwise, which leaves most of the machine idle.
    """
    if state.device.type == "cpu" and "ACCELERATE_MIXED_PRECISION" in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(torch.get_num_threads(), cores // state.num_processes))
