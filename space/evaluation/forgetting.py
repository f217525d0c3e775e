"""How far fine-tuning moved an encoder on everyday sentences, which have nothing to do with a shop.

An encoder can forget the rest of language while every figure of a shop rises. The sentences are few and simple: they
find an encoder that is broken, not one that lost a nuance.
"""

import numpy as np
import pandas as pd
import torch

from space.evaluation import metrics
from space.evaluation.schema import Drift, SentenceCosines

#: {subject: pairs of sentences that mean the same}. Written for this project: twelve subjects, three pairs in English
#: and one in Spanish or Japanese each. The sentences of a pair share few words, so that words alone do not find it.
PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "weather": (
        ("The storm tore tiles off the roofs by the harbour.", "Houses near the port lost part of their roofing."),
        ("It has not rained here for six weeks.", "We have had a dry month and a half."),
        ("Fog kept the ferries in port until noon.", "Boats could not leave before midday: nobody saw a thing."),
        ("Mañana bajarán las temperaturas y nevará en la sierra.", "Se espera frío y nieve en las montañas."),
    ),
    "kitchen": (
        ("Let the dough rest until it has doubled.", "Wait for the bread mixture to grow to twice its size."),
        ("Simmer the lentils until they are soft.", "Cook the pulses on low heat till they are tender."),
        ("My grandfather never salted his soup.", "Mum's father ate his broth without any seasoning."),
        ("味噌汁は沸騰させないほうがおいしい。", "みそしるは煮立てないと風味が残る。"),
    ),
    "journeys": (
        ("The night train to the coast leaves at eleven.", "At 23:00 there is a sleeper towards the sea."),
        ("We missed our connection in Vienna.", "In the Austrian capital the second train had already gone."),
        ("Cyclists may cross the pass in summer only.", "In winter the mountain road is closed to bikes."),
        ("El avión aterrizó con dos horas de retraso.", "El vuelo llegó mucho más tarde de lo previsto."),
    ),
    "health": (
        ("The doctor told him to stay in bed.", "His physician made him rest."),
        ("She broke her wrist falling on the ice.", "A slip on a frozen path fractured her arm."),
        ("Sleeping too little makes people forgetful.", "Memory suffers when nights are short."),
        ("熱が下がるまで学校を休みました。", "体温が平熱に戻る日まで登校しなかった。"),
    ),
    "music": (
        ("The orchestra tuned before the conductor came in.", "Players adjusted their pitch ahead of the maestro."),
        ("He learned the cello as a grown man.", "He was an adult when he took up a string instrument."),
        ("The choir sang without accompaniment.", "No instrument supported the voices."),
        ("La banda tocó tres canciones más al final.", "El grupo cerró el concierto con varios bises."),
    ),
    "sport": (
        ("The home side lost in the last minute.", "A late goal beat the hosts."),
        ("She swims two kilometres before breakfast.", "Every morning she does eighty lengths, then eats."),
        ("The referee sent off the goalkeeper.", "The keeper was shown a red card."),
        ("彼はマラソンを三時間で走り切った。", "四十二キロを完走するのに百八十分かかった。"),
    ),
    "school": (
        ("The pupils wrote a letter to the mayor.", "Schoolchildren sent a written request to the town hall."),
        ("Our teacher explains fractions with an apple.", "In maths we learn halves and quarters by cutting fruit."),
        ("The exam was postponed because of the strike.", "Owing to the walkout the test was moved to a later day."),
        ("La biblioteca abre también los sábados.", "Se puede ir a leer y estudiar el fin de semana."),
    ),
    "nature": (
        ("Swallows come back to the barn each spring.", "Every April the same birds nest under our rafters."),
        ("The river froze from bank to bank.", "One could walk across the water on the ice."),
        ("Bees visit the lavender until sunset.", "Insects hum around the purple flowers all evening long."),
        ("桜は三月の終わりに咲き始めた。", "今年は四月になる前に花が開いた。"),
    ),
    "past": (
        ("The bridge was blown up in the war.", "Soldiers destroyed the crossing during the fighting."),
        ("Letters took a month to cross the ocean.", "Mail between the continents needed four weeks."),
        ("The castle has been a ruin for centuries.", "Only broken walls are left of the old fortress."),
        ("El pueblo fue fundado por pescadores.", "Quienes vivían del mar levantaron las primeras casas."),
    ),
    "sky": (
        ("The moon hid the sun for two minutes.", "During the eclipse it was dark for a short while."),
        ("Light from that star set out before we were born.", "We see the distant sun as it was long ago."),
        ("The probe sent pictures from the edge of the ring.", "A spacecraft photographed the planet's outer band."),
        ("流れ星が一晩に百個ほど見えた。", "夜空を横切る光を朝までにたくさん数えた。"),
    ),
    "family": (
        ("My sister is expecting twins.", "I shall be an uncle of two by summer."),
        ("They named the boy after his great-grandfather.", "The child carries an ancestor's first name."),
        ("Nobody had told grandmother about the wedding.", "Gran did not know that they had married."),
        ("Mis primos viven en la casa de enfrente.", "Los hijos de mi tía son nuestros vecinos."),
    ),
    "work": (
        ("The meeting could have been an email.", "We gathered for something that a message would have told."),
        ("She quit to look after her father.", "To care for a parent she gave up her post."),
        ("The night shift ends at six.", "Those who work till dawn go home early in the morning."),
        ("残業が続いて、家族と夕食を食べられない。", "毎晩遅くまで働き、晩ごはんは一人だ。"),
    ),
}


def sentences() -> list[str]:
    """The 96 texts to encode as queries with either model; each is followed or preceded by its paraphrase."""
    return [sentence for pairs in PAIRS.values() for pair in pairs for sentence in pair]


def measure(base: torch.Tensor, tuned: torch.Tensor) -> Drift:
    """Compare the vectors before and after fine-tuning.

    Args:
        base: (2 n, d) float32, unit norm, the vectors of ``sentences`` before.
        tuned: the same after.
    """
    cosines = (base * tuned).sum(dim=1)
    similarities = [(vectors @ vectors.T).numpy() for vectors in (base, tuned)]
    above = np.triu_indices(len(base), k=1)
    ranks = [pd.Series(matrix[above]).rank().to_numpy() for matrix in similarities]
    correlation = float(np.corrcoef(ranks)[0, 1]) if all(np.ptp(one) for one in ranks) else None
    before, after = (_paraphrase_found(matrix) for matrix in similarities)
    return Drift(
        pairs=len(base) // 2,
        cosine=SentenceCosines(round(float(cosines.mean()), 6), round(float(cosines.min()), 6)),
        rank_correlation=None if correlation is None else round(correlation, 6),
        paraphrase=metrics.before_after(before, after),
    )


def _paraphrase_found(similarities: np.ndarray) -> np.ndarray:
    """(n,) share of each pair's two sentences whose nearest other sentence is the paraphrase: 0, .5 or 1."""
    others = similarities.copy()
    np.fill_diagonal(others, -np.inf)
    rows = np.arange(len(others))
    # Not argmax: where all sentences have the same vector, none is the nearest.
    partner = others[rows, rows ^ 1]
    others[rows, rows ^ 1] = -np.inf
    return (partner > others.max(axis=1)).reshape(-1, 2).mean(axis=1)
