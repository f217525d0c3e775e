"""Callbacks of the trainer: a progress bar in examples, and the epoch for every sampler."""

from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState


class Progress(TrainerCallback):
    """A bar that counts examples and shows the loss.

    Attributes:
        examples: how many this process has trained on; those before a resume are not counted.
    """

    def __init__(self, batch: int) -> None:
        """``batch``: examples of one optimizer step, over all processes."""
        self.examples = 0
        self._batch, self._bar, self._first = batch, None, 0

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Start the bar at the step where a resumed run continues."""
        self._first = state.global_step
        if state.is_world_process_zero:
            self._bar = tqdm(
                total=state.max_steps * self._batch,
                initial=state.global_step * self._batch,
                desc="train",
                unit=" examples",
                dynamic_ncols=True,
            )

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Count the examples of a step."""
        self.examples = (state.global_step - self._first) * self._batch
        if self._bar is not None:
            self._bar.update(self._batch)

    def on_log(
        self,
        args: Any,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show a new loss."""
        if self._bar is not None and logs and "loss" in logs:
            self._bar.set_postfix(loss=f"{float(logs['loss']):.4f}")

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Leave the bar on the screen."""
        if self._bar is not None:
            self._bar.close()


class TellEpoch(TrainerCallback):
    """Tells every sampler under the loader which epoch begins.

    The trainer passes the epoch through two wrappers; a run that resumes under several processes has three.
    """

    def on_epoch_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, train_dataloader: Any = None, **kwargs: Any
    ) -> None:
        """Set the epoch before the loader is read."""
        sampler = train_dataloader.batch_sampler
        while sampler is not None:
            for part in (sampler, getattr(sampler, "sampler", None)):
                if hasattr(part, "set_epoch"):
                    part.set_epoch(int(state.epoch or 0))
            sampler = getattr(sampler, "batch_sampler", None)
