"""Published figures of the agreement of metrics with people, in units of 1, to print beside ours."""

from __future__ import annotations

Figures = dict[str, float]


def taus(tau_b: float, tau_c: float) -> Figures:
    return {"tau_b": tau_b, "tau_c": tau_c}


# To three digits of percent from the authors' PAC-S repository; learned ones with CLIP ViT-B/32 of OpenAI (2410.07336).
PUBLISHED: dict[str, dict[str, Figures]] = {
    "flickr8k-expert": {
        "bleu_1": taus(0.32175, 0.32324),
        "bleu_4": taus(0.30599, 0.30776),
        "meteor": taus(0.41538, 0.41822),
        "rouge_l": taus(0.32139, 0.32314),
        "cider": taus(0.43602, 0.43891),
        "spice": taus(0.517, 0.449),
        "clip_s": taus(0.511, 0.512),
        "ref_clip_s": {"tau_c": 0.530},  # arXiv 2104.08718
        "pac_s": taus(0.53919, 0.54292),
        "pac_spp": {"tau_b": 0.545},
    },
    # To three digits of percent from the authors' PAC-S repository; the others from arXiv 2104.08718 and 2512.21582.
    "flickr8k-cf": {
        "bleu_1": taus(0.17946, 0.09256),
        "bleu_4": taus(0.16863, 0.08710),
        "meteor": taus(0.22269, 0.11510),
        "rouge_l": taus(0.19903, 0.10274),
        "cider": taus(0.24619, 0.12724),
        "spice": taus(0.244, 0.120),
        "clip_s": taus(0.344, 0.177),
        "ref_clip_s": taus(0.364, 0.188),
        "pac_s": taus(0.36037, 0.18628),
    },
    # arXiv 2104.08718, table 5, with four references
    "foil": {
        "bleu_4": {"accuracy": 0.826},
        "meteor": {"accuracy": 0.854},
        "rouge_l": {"accuracy": 0.793},
        "cider": {"accuracy": 0.906},
        "spice": {"accuracy": 0.861},
        "clip_s": {"accuracy": 0.872},
        "ref_clip_s": {"accuracy": 0.926},
    },
}
