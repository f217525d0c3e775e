"""Threads: prepare the next item while one is in use, or work on several items at once."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``[work(item) for item in items]`` with one Python thread for each item, in which torch uses one core.

    Faster than a loop for work of many small steps, such as encoding short texts: shared between cores, each step
    would wait for the slowest core. With a GPU this is a plain loop, since on ZeroGPU only the main thread may use it.
    """
    if torch.cuda.is_available():
        return [work(item) for item in items]
    items, threads = list(items), torch.get_num_threads()
    together = threading.Barrier(len(items) + 1)

    def on_one_core(item: Item) -> Result:
        torch.set_num_threads(1)
        torch.get_num_threads()  # else torch would set this thread's number at its first product
        together.wait()
        together.wait()
        return work(item)

    with ThreadPoolExecutor(max(len(items), 1)) as pool:
        try:
            results = pool.map(on_one_core, items)
            together.wait()
            # The number is the thread's own, and the one with which new threads begin and which they keep. So it is
            # set back before the work: a thread of another request that began meanwhile would use one core for ever.
            torch.set_num_threads(threads)
            together.wait()
        except BaseException:
            together.abort()
            raise
        return list(results)


def prefetch(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; another thread makes the next one while the caller uses the current one.

    Two items are in memory. An exception in that thread is raised here, at its item.
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        coming = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item  # type: ignore[misc]
