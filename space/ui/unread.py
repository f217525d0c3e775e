"""Answers that were asked for and never collected: an end to what is kept of them. Knows no search and no page.

Gradio keeps every answer until its visit fetches it, which a program that only asks never does: half a megabyte for
each comparison of a hundred, as fast as the page can make them.
"""

from typing import Any

from gradio.queueing import Queue

#: Of one visit, those that are still being made among them; the page asks for a handful at once.
MOST_OF_A_VISIT = 20
#: Of all visits. More than can wait for their turn, so that whoever is dropped asked long ago.
MOST = 500
REFUSAL = f"This visit has {MOST_OF_A_VISIT} answers that it did not collect; collect them first."


def bound(queue: Queue) -> None:
    """Let nobody join who has ``MOST_OF_A_VISIT`` uncollected; beyond ``MOST``, who asked longest ago is dropped.

    Gradio has no setting for either, so this stands around the queue's one door.
    """
    messages, expected, push = queue.pending_messages_per_session, queue.pending_event_ids_session, queue.push

    async def join(body: Any, request: Any, username: Any) -> tuple[bool, Any, str]:
        visit = body.session_hash
        if len(expected.get(visit, ())) >= MOST_OF_A_VISIT:
            return False, REFUSAL, "queue_full"
        for gone in expected.keys() - messages.keys():  # left while an answer was made, see Queue.clean_events
            del expected[gone]
        while sum(map(len, expected.values())) >= MOST:
            oldest, _ = messages.popitem(last=False)
            expected.pop(oldest, None)
        joined = await push(body=body, request=request, username=username)
        if visit in messages:
            messages.move_to_end(visit)
        return joined

    queue.push = join
