from __future__ import annotations

from statistics import harmonic_mean

import torch
from hypothesis import given
from hypothesis import strategies as st

from metric.similarity import clip_s, pac_s, ref_score

Cosine = st.floats(-1, 1, width=32)


def test_scores_scale_the_cosine_and_clamp_it() -> None:
    cosine = torch.tensor([0.3, -0.2, 1.0])
    torch.testing.assert_close(clip_s(cosine), torch.tensor([0.75, 0.0, 2.5]))  # 2.5 x .3
    torch.testing.assert_close(pac_s(cosine), torch.tensor([0.6, 0.0, 2.0]))
    torch.testing.assert_close(pac_s(cosine, w=2.5), clip_s(cosine))


def test_reference_score_mixes_scaled_and_unscaled() -> None:
    # 2 x .75 x .5 / (.75 + .5) = .6
    torch.testing.assert_close(ref_score(torch.tensor(0.75), torch.tensor(0.5)), torch.tensor(0.6))


@given(Cosine, Cosine)
def test_reference_score_is_the_harmonic_mean(image: float, text: float) -> None:
    score = clip_s(torch.tensor(image, dtype=torch.float64))
    got = ref_score(score, torch.tensor(text, dtype=torch.float64)).item()
    assert abs(got - harmonic_mean([float(score), max(text, 0.0)])) < 1e-9


def test_nothing_in_common_scores_zero_not_nan() -> None:
    assert ref_score(torch.zeros(2), torch.tensor([0.0, -0.5])).tolist() == [0.0, 0.0]
