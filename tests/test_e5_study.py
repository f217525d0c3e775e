"""The study's own BERT against transformers' one, on made-up weights."""

import sys
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from e5_model import Berts, Optimizer, Texts

from space.encoding.packaged_e5 import tensor_names

LENGTHS = (3, 9, 1, 5, 8, 2)


def made_up():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=40,
        hidden_size=24,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=48,
        max_position_embeddings=16,
        layer_norm_eps=1e-12,
    )
    bert = BertModel(config).eval()
    state = bert.state_dict()
    weights = {short: state[long].numpy().copy() for short, long in tensor_names(12).items()}
    rng = np.random.default_rng(0)
    texts = [rng.integers(1, 40, length) for length in LENGTHS]  # 0 is padding, which transformers does not train
    return bert, weights, texts


def by_transformers(bert, texts, rows):
    pooled = []
    for row in rows:
        ids = torch.from_numpy(texts[row])[None]
        pooled.append(bert(input_ids=ids).last_hidden_state.mean(1))
    return torch.nn.functional.normalize(torch.cat(pooled), dim=1)


def test_models_side_by_side_are_two_berts():
    """Vectors, gradients and one step of AdamW, for two models that read different texts."""
    bert, weights, texts = made_up()
    device = torch.device("cpu")
    held = Texts(np.concatenate(texts), np.cumsum([0, *LENGTHS]), device)
    rows = np.array([[0, 1, 2], [3, 4, 5]])
    berts = Berts(weights, 2, device)
    vectors = berts.embed(held.batch(rows))
    (vectors[:, 0] * vectors[:, 1]).sum().backward()
    gradients = berts.gradient.clone()
    gradients[:, : berts.products] += berts.low_gradient
    optimizer = Optimizer(berts, 1e-2, 20)
    optimizer.step()  # at rate 0: warm-up begins there
    (lambda found: (found[:, 0] * found[:, 1]).sum())(berts.embed(held.batch(rows))).backward()
    optimizer.step()
    for model in range(2):
        bert.load_state_dict(bert.state_dict() | restored(weights))
        expected = by_transformers(bert, texts, rows[model])
        torch.testing.assert_close(vectors[model], expected, atol=1e-5, rtol=1e-4)
        bert.zero_grad()
        (expected[0] * expected[1]).sum().backward()
        names = {short: bert.get_parameter(long) for short, long in tensor_names(12).items()}
        for short in ("emb.word", "emb.ln.b", "l0.fi.w", "l7.ao.b", "l11.oln.w"):
            own = gradients[model, berts.part[short]].view_as(names[short])
            torch.testing.assert_close(own, names[short].grad, atol=1e-6, rtol=1e-3)
        trained = [parameter for parameter in names.values() if parameter.grad is not None]
        adam = torch.optim.AdamW(trained, lr=0.0, weight_decay=0.0)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for rate in (0.0, 1e-2 / 2):
            adam.param_groups[0]["lr"] = rate
            adam.step()
        own = berts.flat[model, berts.part["l3.fo.w"]].view_as(names["l3.fo.w"])
        torch.testing.assert_close(own, names["l3.fo.w"].detach(), atol=1e-4, rtol=1e-3)


def restored(weights):
    return {long: torch.from_numpy(weights[short]).clone() for short, long in tensor_names(12).items()}
