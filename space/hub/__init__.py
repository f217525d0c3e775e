"""The Hugging Face Hub: pull, push, publish, cards."""
