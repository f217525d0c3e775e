"""What speaks against relying on an evaluation here: it was measured with other weights, text or judgments."""

from space.evaluation import provenance
from space.evaluation.schema import Evaluation
from space.i18n import N_
from space.i18n import gettext as _
from space.search.description import EngineDescription
from space.ui.html.names import listed, system_name

_DOUBTS = {
    "text": N_(
        "Measured on other text of the products than the encoders read here: results on Search and Compare may differ "
        "from these figures."
    ),
    "judgments": N_("Measured by other judgments of these products than the labels that are shown here."),
}


def doubts(measured: Evaluation, description: EngineDescription) -> list[str]:
    """A sentence for each difference between what was measured and what answers here."""
    served = description.encoders
    both = [part for part in measured.encoders if part in served]
    others = [part for part in both if served[part].fingerprint != measured.encoders[part].fingerprint]
    said = []
    if others:
        text = _(
            "Measured with other weights than those that answer here ({encoders}): results on Search and Compare may "
            "differ from these figures."
        )
        said.append(text.format(encoders=listed([system_name(part) for part in others])))
    found = provenance.differences(measured, description.text, served, description.checksums)
    return said + [_(_DOUBTS[one]) for one in found]
