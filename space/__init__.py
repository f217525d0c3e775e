"""E5 product search: did fine-tuning help, on what, and can I trust it?"""

import os

# torch reads this once, before its first tensor. Memory of 2 MB and more then comes in pages of 2 MB where Linux has
# them: the processor finds its way faster than among pages of 4 KB (docs/performance.md has the figures).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
