"""A bound on the answers that were asked for and never collected.

Gradio keeps every answer until its visit fetches it. A program that only asks fills the memory: half a megabyte for
each comparison of a hundred hits, as fast as the page can compute them.
"""

from typing import Any

from gradio.queueing import Queue

#: Answers of one visit, those still being computed included; the page asks for a handful at once.
MOST_OF_A_VISIT = 20
#: Answers of all visits: more than can wait in the queue, so the visit that is dropped asked long ago.
MOST = 500
REFUSAL = f"This visit has {MOST_OF_A_VISIT} answers that it did not collect; collect them first."


def bound(queue: Queue) -> None:
    """Refuse a visit with ``MOST_OF_A_VISIT`` uncollected answers; beyond ``MOST`` drop the visit that asked first.

    Gradio 6.31 has no setting for this: ``max_size`` counts only what waits to be computed. So this wraps
    ``Queue.push``, through which every question goes, and reads the two dictionaries of what is not collected yet. If
    a later version renames one of the three, the page does not start, and tests/test_guard.py says so.
    """
    messages, expected, push = queue.pending_messages_per_session, queue.pending_event_ids_session, queue.push

    async def join(body: Any, request: Any, username: Any) -> tuple[bool, Any, str]:
        visit = body.session_hash
        if len(expected.get(visit, ())) >= MOST_OF_A_VISIT:
            return False, REFUSAL, "queue_full"
        for gone in expected.keys() - messages.keys():  # closed while an answer was made
            del expected[gone]
        while sum(map(len, expected.values())) >= MOST:
            oldest, _ = messages.popitem(last=False)
            expected.pop(oldest, None)
        joined = await push(body=body, request=request, username=username)
        if visit in messages:
            messages.move_to_end(visit)
        return joined

    queue.push = join
