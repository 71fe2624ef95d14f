import copy
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import nn

from captioner.model import pretrained
from captioner.model.encoder_decoder import Captioner, CaptionerConfig
from captioner.model.vocabulary import Vocabulary
from metric.runtime.prefixes import Prefixes

WORDS = Vocabulary.train(["a red ball on a table", "a blue flag"] * 3, 530)
CONFIG = CaptionerConfig(
    feature_dim=6, vocabulary_size=WORDS.size, clip="tiny", clip_fingerprint="f00", d=16, heads=2,
    encoder_layers=2, decoder_layers=2, feedforward=32, max_length=8,
)  # fmt: skip


def tiny(**changes) -> Captioner:
    torch.manual_seed(0)
    return Captioner(replace(CONFIG, **changes), WORDS).eval()


def sharp() -> Captioner:
    """Weights large enough for every input to show in the logits."""
    captioner = tiny()
    for parameter in captioner.parameters():
        nn.init.normal_(parameter, std=0.4)
    return captioner


FEATURES = torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(1))  # b p f
TOKENS = torch.randint(0, 500, (3, 4, 8), generator=torch.Generator().manual_seed(2))  # b k t


@torch.no_grad()
def test_cached_logits_are_the_teacher_forced_ones() -> None:
    captioner = sharp()
    whole = captioner(FEATURES, TOKENS)
    cache = captioner.start(captioner.encode(FEATURES))
    for t in range(TOKENS.shape[-1]):
        logits, cache = captioner.step(TOKENS[:, :, t], cache)
        torch.testing.assert_close(logits, whole[:, :, t], atol=1e-5, rtol=1e-5)
    assert cache.length == 8


def test_k_captions_at_once_are_k_captions_one_by_one() -> None:
    captioner = sharp()
    whole = captioner(FEATURES, TOKENS)
    for k in range(4):
        torch.testing.assert_close(captioner(FEATURES, TOKENS[:, k]), whole[:, k])
    for b in range(3):
        torch.testing.assert_close(captioner(FEATURES[b : b + 1], TOKENS[b : b + 1]), whole[b : b + 1])


def test_logits_see_no_later_token_and_every_earlier_one() -> None:
    captioner = sharp()
    changed = TOKENS.clone()
    changed[..., 3] += 1
    before, after = captioner(FEATURES, TOKENS), captioner(FEATURES, changed)
    torch.testing.assert_close(after[..., :3, :], before[..., :3, :])
    assert ((after - before)[..., 3:, :].abs().amax(-1) > 1e-4).all()


def test_logits_depend_on_every_patch() -> None:
    captioner, logits = sharp(), sharp()(FEATURES, TOKENS)
    for p in range(FEATURES.shape[1]):
        other = FEATURES.clone()
        other[:, p] += 1
        assert (captioner(other, TOKENS) - logits).abs().max() > 1e-4


@torch.no_grad()
def test_selected_cache_rows_go_on_as_those_captions() -> None:
    captioner = sharp()
    _, cache = captioner.step(TOKENS[:, :, 0], captioner.start(captioner.encode(FEATURES)))
    order = torch.tensor([[1, 1], [3, 0], [2, 2]])  # b k: which of the 4 captions
    rows = (order + 4 * torch.arange(3)[:, None]).flatten()
    logits, _ = captioner.step(TOKENS[torch.arange(3)[:, None], order, 1], cache.select(rows))
    wanted = captioner(FEATURES, TOKENS)[torch.arange(3)[:, None], order, 1]
    torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=1e-5)


def test_attention_is_the_textbook_formula() -> None:
    attention = sharp().decoder[0].cross
    x, memory = torch.randn(3, 4, 16), torch.randn(3, 5, 16)
    (keys, values), heads = attention.keys_values(memory), []
    for h in range(2):  # softmax(q k^T / sqrt(e)) v
        queries = attention.query(x)[..., 8 * h : 8 * h + 8]
        heads.append((queries @ keys[:, h].transpose(1, 2) / 8**0.5).softmax(-1) @ values[:, h])
    expected = attention.out(torch.cat(heads, dim=-1))
    torch.testing.assert_close(attention(x, (keys, values)), expected)


def test_output_projection_is_the_token_embedding() -> None:
    captioner = tiny()
    assert sum(p.shape == (WORDS.size, 16) for p in captioner.parameters()) == 1
    states = captioner.states(FEATURES, Prefixes.of(TOKENS, TOKENS >= 0))
    torch.testing.assert_close(captioner.logits(states), states @ captioner.token.weight.T)


def test_a_few_steps_overfit_a_batch() -> None:
    captioner = tiny(dropout=0.0).train()
    tokens = WORDS.encode(["a red ball", "a blue flag", "a table"], 8)
    optimizer = torch.optim.Adam(captioner.parameters(), lr=1e-2)
    for _ in range(60):
        loss = nn.functional.cross_entropy(
            captioner(FEATURES, tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=WORDS.pad
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1


def test_bf16_autocast_is_near_fp32() -> None:
    captioner = tiny().train()
    captioner.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        logits = captioner.eval()(FEATURES, TOKENS)
        with torch.no_grad():
            stepped, _ = captioner.step(TOKENS[:, :, 0], captioner.start(captioner.encode(FEATURES)))
    logits.float().logsumexp(-1).mean().backward()
    assert logits.dtype == torch.bfloat16 and captioner.look[0].weight.grad.isfinite().all()
    torch.testing.assert_close(logits.float(), captioner(FEATURES, TOKENS), atol=0.02, rtol=0.02)
    torch.testing.assert_close(stepped.float(), logits[:, :, 0].float(), atol=0.02, rtol=0.02)


def test_dropout_acts_in_training_only() -> None:
    captioner = tiny(dropout=0.5)
    assert torch.equal(captioner(FEATURES, TOKENS), captioner(FEATURES, TOKENS))
    captioner.train()
    assert not torch.equal(captioner(FEATURES, TOKENS), captioner(FEATURES, TOKENS))


def test_saved_captioner_is_the_same(tmp_path) -> None:
    captioner = sharp()
    captioner.save_pretrained(tmp_path / "deep" / "model")
    again = Captioner.from_pretrained(tmp_path / "deep" / "model")
    assert again.config == captioner.config and not again.training
    assert torch.equal(again(FEATURES, TOKENS), captioner(FEATURES, TOKENS))
    assert again.vocabulary.decode(WORDS.encode(["a red ball"], 8)) == ["a red ball"]


def test_layout_is_hugging_faces_and_nothing_is_left_over(tmp_path) -> None:
    tiny().save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    config = json.loads((tmp_path / "config.json").read_text())
    assert config == {"model_type": "captioner", "architectures": ["Captioner"], **CONFIG.content}


def test_copy_is_independent() -> None:
    captioner = tiny()
    reference = copy.deepcopy(captioner)
    nn.init.zeros_(captioner.token.weight)
    assert reference.token.weight.abs().sum() > 0 and reference.vocabulary.size == WORDS.size


def test_hub_ids_are_fetched_from_the_hub(tmp_path, monkeypatch) -> None:
    tiny().save_pretrained(tmp_path)
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: asked.append(name) or str(tmp_path))
    assert Captioner.from_pretrained("someone/captioner").config == CONFIG and asked == ["someone/captioner"]


def unreachable(name: str, **_: object) -> str:
    raise LocalEntryNotFoundError("no network\nand a long story")


def test_what_cannot_be_loaded_is_said_in_one_line(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    tiny().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    weights = (tmp_path / "model.safetensors").read_bytes()

    def message(name: object = tmp_path) -> str:
        with pytest.raises(ValueError) as error:
            Captioner.from_pretrained(name)
        assert "\n" not in str(error.value)
        return str(error.value)

    def configured(**changes: object) -> str:
        (tmp_path / "config.json").write_text(json.dumps(config | changes))
        return message()

    assert "there is no folder /nowhere/at/all" in message("/nowhere/at/all")
    assert "and cannot be downloaded (no network)" in message("someone/captioner")
    assert "is a file" in message(tmp_path / "config.json")
    assert "model_type 'bert', expected 'captioner'" in configured(model_type="bert")
    assert "holds wings" in configured(wings=2)
    assert "look.0.weight of shape [16, 6], config.json asks for [32, 6]" in configured(d=32)
    assert "its tokenizer 530" in configured(vocabulary_size=7)
    assert "decoder.2" in configured(decoder_layers=3)
    assert "for which config.json has no place" in configured(decoder_layers=1)
    (tmp_path / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "clip"}))
    assert "lacks clip" in message()
    intact = json.dumps(config)
    (tmp_path / "config.json").write_text(intact[:-5])
    assert "is not JSON" in message()
    (tmp_path / "config.json").write_text(intact)
    (tmp_path / "model.safetensors").write_bytes(b"half")
    assert "cannot be read" in message()
    (tmp_path / "model.safetensors").write_bytes(weights)
    Captioner.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert "it has no model.safetensors" in message()


def test_a_killed_save_leaves_the_old_weights(tmp_path, monkeypatch) -> None:
    tiny().save_pretrained(tmp_path)

    def killed(weights, path, metadata) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrained, "save_file", killed)
    with pytest.raises(KeyboardInterrupt):
        sharp().save_pretrained(tmp_path)
    assert torch.equal(Captioner.from_pretrained(tmp_path)(FEATURES, TOKENS), tiny()(FEATURES, TOKENS))


def test_another_clip_is_refused() -> None:
    CONFIG.refuse_other_clip(SimpleNamespace(name="tiny", fingerprint="f00"))
    with pytest.raises(ValueError, match=r"features of tiny \(f00\), got huge \(bad\)"):
        CONFIG.refuse_other_clip(SimpleNamespace(name="huge", fingerprint="bad"))


def test_states_divide_among_the_heads() -> None:
    with pytest.raises(ValueError, match="d 16 and 3 heads"):
        tiny(heads=3)


def test_run_folder_loads_its_last_checkpoint(tmp_path):
    tiny().save_pretrained(tmp_path / "run" / "checkpoints" / "last")
    assert torch.equal(Captioner.from_pretrained(tmp_path / "run")(FEATURES, TOKENS), tiny()(FEATURES, TOKENS))
