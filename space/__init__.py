"""E5 product search: did fine-tuning help, on what, and can I trust it?"""
