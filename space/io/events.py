"""Copies TensorBoard events without the texts in which they name folders of this machine."""

from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter

#: Texts that the trainer of transformers writes: all its arguments, and the model's settings.
_TEXTS = "/text_summary"


def copy_scalars(source: Path, target: Path) -> None:
    """Copy an event file without its texts."""
    with target.open("wb") as file:
        writer = RecordWriter(file)
        for record in RawEventFileLoader(str(source)).Load():
            event = Event.FromString(record)
            if not any(value.tag.endswith(_TEXTS) for value in event.summary.value):
                writer.write(record)
        writer.flush()
