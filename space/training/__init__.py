"""Fine-tuning: examples, losses, trainer, checkpoints."""
