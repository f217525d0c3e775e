"""The processes of one run: how many there are, and which of them this is. Knows nothing of what they do."""

import logging
import os
from datetime import timedelta
from functools import cache
from typing import Any

import torch
from accelerate import PartialState
from torch.distributed import PrefixStore, TCPStore

#: How long the other processes of a run wait while the first one evaluates or pushes.
PROCESS_TIMEOUT = timedelta(hours=6)

logger = logging.getLogger(__name__)


@cache
def join_processes() -> PartialState:
    """The state all processes of a run share; a process started alone is the main one of one.

    A launcher sets LOCAL_RANK. Without a GPU accelerate overlooks it unless told that the CPU is meant: each process
    would take itself for the only one, and all would write the same files.
    """
    launched_on_cpu = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
    state = PartialState(cpu=launched_on_cpu, timeout=PROCESS_TIMEOUT, **_meeting_place())
    if state.num_processes > 1:
        logger.info("%d processes on %s", state.num_processes, state.device.type)
    return state


def _meeting_place() -> dict[str, Any]:
    """Where processes find each other after the launcher started all of them anew, as ``--max_restarts`` lets it.

    Its own store outlives them: in it the addresses of the dead would be taken for those of the living.
    """
    starts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if starts == "0":
        return {}
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = PrefixStore(f"start {starts}", TCPStore(host, port, is_master=False, timeout=PROCESS_TIMEOUT))
    return {"store": store, "rank": int(os.environ["RANK"]), "world_size": int(os.environ["WORLD_SIZE"])}
