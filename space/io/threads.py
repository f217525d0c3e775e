"""Work in threads: the next item while this one is in use, or several items side by side."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``work`` on each item in a thread of its own, torch using one in each; results in the order of the items.

    Work of many small steps, such as coding vectors or encoding short texts, gains little from sharing each step
    between two threads, and loses much wherever one of them is held up: the other waits at every step.
    """
    threads, items = torch.get_num_threads(), list(items)
    if torch.cuda.is_available():  # it has all the threads it needs, and a borrowed one belongs to the main thread
        return [work(item) for item in items]

    def alone(item: Item) -> Result:
        torch.set_num_threads(1)  # of this thread, and the first word for those to come
        return work(item)

    try:
        with ThreadPoolExecutor(max(len(items), 1)) as pool:
            return list(pool.map(alone, items))
    finally:
        torch.set_num_threads(threads)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made by another thread while its predecessor is in use; two are in memory.

    What goes wrong in that thread goes wrong here, at its item.
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        coming = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item  # type: ignore[misc]
