"""The processes of one run: how many there are, and which of them this is. Knows nothing of what they do."""

import logging
import os
from functools import cache

import torch
from accelerate import PartialState

from space.config import PROCESS_TIMEOUT

logger = logging.getLogger(__name__)


@cache
def join_processes() -> PartialState:
    """The state all processes of a run share; a process started alone is the main one of one.

    A launcher sets LOCAL_RANK. Without a GPU accelerate overlooks it unless told that the CPU is meant: each process
    would take itself for the only one, and all would write the same files.
    """
    launched_on_cpu = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
    state = PartialState(cpu=launched_on_cpu, timeout=PROCESS_TIMEOUT)
    if state.num_processes > 1:
        logger.info("%d processes on %s", state.num_processes, state.device.type)
    return state
