"""The recipes of the E5 study, in the order in which they are run.

Of ``broad`` the first 17 were run, as far as "triplet, mined"; ``fine`` has not been run yet.
"""

from dataclasses import replace

from e5_job import Recipe

_TRIPLET = Recipe(loss="triplet", learning_rate=2e-5, triplet_margin=0.1)
_COLD = Recipe(scale=50.0)


def broad() -> dict[str, Recipe]:
    """The first look: one thing at a time away from train.py's defaults and from a lower temperature."""
    default = Recipe()
    found = {"default": default}
    for scale in (30.0, 50.0, 100.0):
        found[f"scale {scale:g}"] = replace(default, scale=scale)
    for rate in (1e-5, 2e-5, 1e-4):
        found[f"{rate:g}"] = replace(default, learning_rate=rate)
        found[f"scale 50, {rate:g}"] = replace(_COLD, learning_rate=rate)
    found["triplet"] = _TRIPLET
    found["triplet, plain"] = replace(_TRIPLET, titles=0.0, triplet_margin=0.05)
    for margin in (0.02, 0.05, 0.2):
        found[f"triplet, margin {margin:g}"] = replace(_TRIPLET, triplet_margin=margin)
    found["triplet, 5e-5"] = replace(_TRIPLET, learning_rate=5e-5)
    found["triplet, mined"] = replace(_TRIPLET, mined_negatives=True)
    found["triplet, mined, margin .05"] = replace(_TRIPLET, mined_negatives=True, triplet_margin=0.05)
    found["batch 64"] = replace(_COLD, batch_size=64)
    found["batch 128, 1e-4"] = replace(_COLD, batch_size=128, learning_rate=1e-4)
    found["no titles"] = replace(_COLD, titles=0.0)
    found["half titles"] = replace(_COLD, titles=0.5)
    found["double titles"] = replace(_COLD, titles=2.0)
    found["2 epochs, 2e-5"] = replace(_COLD, epochs=2.0, learning_rate=2e-5)
    found["2 epochs"] = replace(_COLD, epochs=2.0)
    found["3 epochs, 1e-4, 128"] = replace(_COLD, epochs=3.0, learning_rate=1e-4, batch_size=128)
    found["2 negatives"] = replace(_COLD, negatives=2)
    found["4 negatives"] = replace(_COLD, negatives=4)
    found["mined"] = replace(_COLD, mined_negatives=True)
    found["mined, scale 20"] = replace(default, mined_negatives=True)
    found["mined, ceiling .98"] = replace(_COLD, mined_negatives=True, ceiling=0.98)
    found["words frozen"] = replace(_COLD, frozen="words")
    found["6 layers frozen"] = replace(_COLD, frozen="6", learning_rate=1e-4)
    found["decay .9"] = replace(_COLD, decay=0.9, learning_rate=1e-4)
    found["decay .8"] = replace(_COLD, decay=0.8, learning_rate=1e-4)
    found["three locales"] = replace(_COLD, everywhere=True)
    found["no dropout"] = replace(_COLD, dropout=0.0)
    found["triplet, 4 negatives"] = replace(_TRIPLET, negatives=4)
    found["triplet, mined, 5e-5"] = replace(_TRIPLET, mined_negatives=True, learning_rate=5e-5)
    found["triplet, 128, 1e-4"] = replace(_TRIPLET, batch_size=128, learning_rate=1e-4)
    return found


def fine() -> dict[str, Recipe]:
    """The second look, around a low temperature at a high learning rate, and the triplet loss at its best."""
    hot = Recipe(scale=50.0, learning_rate=1e-4, shares=(0.0, 0.3, 0.4, 0.5))
    triplet = Recipe(loss="triplet", learning_rate=5e-5, triplet_margin=0.1, mined_negatives=True, shares=(0.0, 0.3))
    return {
        "default": Recipe(),
        "scale 50, 1e-4": hot,
        "scale 50, 2e-4": replace(hot, learning_rate=2e-4),
        "scale 70, 1e-4": replace(hot, scale=70.0),
        "scale 70, 2e-4": replace(hot, scale=70.0, learning_rate=2e-4),
        "1e-4, 64": replace(hot, batch_size=64),
        "2e-4, 64": replace(hot, batch_size=64, learning_rate=2e-4),
        "triplet, mined": replace(_TRIPLET, mined_negatives=True),
        "triplet, 5e-5, mined": triplet,
        "triplet, 1e-4, mined, .2": replace(triplet, learning_rate=1e-4, triplet_margin=0.2),
        "1e-4, 2 epochs": replace(hot, epochs=2.0),
        "1e-4, mined": replace(hot, mined_negatives=True),
        "1e-4, half titles": replace(hot, titles=0.5),
        "1e-4, double titles": replace(hot, titles=2.0),
        "triplet, 5e-5, mined, .05": replace(triplet, triplet_margin=0.05),
        "triplet, 5e-5, mined, 128": replace(triplet, batch_size=128, learning_rate=1e-4),
        "1e-4, 2 negatives": replace(hot, negatives=2),
        "1e-4, words frozen": replace(hot, frozen="words"),
        "1e-4, decay .9": replace(hot, decay=0.9),
        "1e-4, no titles": replace(hot, titles=0.0),
        "1e-4, three locales": replace(hot, everywhere=True),
        "scale 50": replace(hot, learning_rate=5e-5),
        "scale 100, 1e-4": replace(hot, scale=100.0),
        "scale 30, 1e-4": replace(hot, scale=30.0),
        "3e-4, 128": replace(hot, batch_size=128, learning_rate=3e-4),
        "2e-4, 2 epochs, 64": replace(hot, epochs=2.0, batch_size=64, learning_rate=2e-4),
        "1e-4, 3 epochs": replace(hot, epochs=3.0),
        "1e-4, mined, .98": replace(hot, mined_negatives=True, ceiling=0.98),
        "1e-4, no dropout": replace(hot, dropout=0.0),
        "1e-4, 6 frozen": replace(hot, frozen="6"),
        "triplet, 5e-5, mined, 2 epochs": replace(triplet, epochs=2.0),
    }
