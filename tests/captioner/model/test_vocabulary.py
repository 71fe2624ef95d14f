import copy
import unicodedata

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer

from captioner.model.vocabulary import Vocabulary, lowercased, repair_unicode
from metric.example import Cut

CAPTIONS = [
    "a man riding a horse on the beach.",
    "A dog's T-shirt,  black-and-white!!",
    "two people don't (really) see 10 birds",
    "café naïve “quotes” it’s &amp; salt & pepper",
    'a sign that says "stop", 50% off $5 #1',
    "🐶 emoji, 中文 text, and a\ttab\nand lines",
    "supercalifragilisticexpialidocious",
    "",
]
SCENES = ["a small red ball on a table.", "a blue flag on the grass, a dog's toy"] * 5
CLIP, SMALL = Vocabulary.clip(), Vocabulary.train(SCENES, 600)


def test_clip_ids_are_those_of_open_clip() -> None:
    ids = CLIP.encode(CAPTIONS, 77)
    theirs = SimpleTokenizer()(CAPTIONS)  # 77 wide, padded with 0
    assert torch.equal(ids, theirs[:, : ids.shape[1]]) and not theirs[:, ids.shape[1] :].any()
    assert (CLIP.size, CLIP.bos, CLIP.eos, CLIP.pad) == (49408, 49406, 49407, 0)


def test_cut_clip_ids_are_the_first_ones_without_an_end() -> None:
    """open_clip puts EOS after the cut, which would teach a captioner to end there."""
    assert torch.equal(CLIP.encode(CAPTIONS, 6), SimpleTokenizer()(CAPTIONS)[:, :6])


PIECES = "a|dog's|t-shirt|don't|red,|zebra;|über|3d|and/or|(blue)|café.|$5 bill|50% off|12 dogs|日本|🐶|#1 or"


WORDS_WITH_MARKS = [
    lowercased("İstanbul'da kırmızı İĞNE"),  # i with U+0307, which no letter holds
    "l'herbe dell'acqua rock'n'roll o'clock м'яч",
    "एक कुत्ता हरी घास पर दौड़ता है",
    "สุนัขวิ่งบนหญ้า",
    "كَلْبٌ يَجْرِي",
    "cafe\u0301 nai\u0308ve",  # NFD: comes back as NFC
    "the dogs' toy, 5's a 'quoted word' and it's the dog's",
]


@pytest.mark.parametrize("caption", WORDS_WITH_MARKS)
def test_words_with_marks_and_apostrophes_come_back_whole(caption: str) -> None:
    own = Vocabulary.train(WORDS_WITH_MARKS, 700)
    assert own.broken(caption) == []
    (back,) = own.decode(own.encode([caption], 300))
    whole = unicodedata.normalize("NFC", caption)
    assert back.replace(" ", "") == whole.replace(" ", "")
    if "quoted" not in caption:
        assert back == whole


def test_words_that_come_back_in_pieces_are_named() -> None:
    """CLIP's tokens are CLIP's, and its pattern of words has no marks."""
    assert CLIP.broken("l'herbe verte") == [("l'herbe", "l ' herbe verte")]
    assert CLIP.broken(lowercased("İstanbul güzel")) == [("i\u0307stanbul", "i \u0307 stanbul güzel")]
    assert CLIP.broken("the dog's toy, a café, it isn't 5'") == [] == CLIP.broken("cafe\u0301")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(categories=["L", "M"]), min_size=1, max_size=6), max_size=4))
def test_any_words_come_back(words: list[str]) -> None:
    caption = unicodedata.normalize("NFC", " ".join(words).lower())
    assume(repair_unicode(caption) == caption)
    assert SMALL.decode(SMALL.encode([caption], 600)) == [" ".join(caption.split())]


@pytest.mark.parametrize("vocabulary", [CLIP, SMALL])
def test_lower_case_captions_come_back(vocabulary: Vocabulary) -> None:
    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.sampled_from(PIECES.split("|")), max_size=8))
    def round_trip(pieces: list[str]) -> None:
        caption = " ".join(pieces)
        assert vocabulary.decode(vocabulary.encode([caption], 200)) == [caption]

    round_trip()


def test_small_vocabulary_learns_common_words_and_knows_every_byte() -> None:
    assert SMALL.size <= 600 and (SMALL.encode(["a red ball"], 20)[0] != SMALL.pad).sum() == 5
    assert SMALL.decode(SMALL.encode(["\x00 ÿ 🐶"], 20)) == ["ÿ 🐶"]  # control characters are mended away
    assert len({SMALL.bos, SMALL.eos, SMALL.pad}) == 3


def test_training_is_repeatable() -> None:
    assert Vocabulary.train(SCENES, 600).tokenizer.to_str() == SMALL.tokenizer.to_str()


def test_size_is_never_exceeded_and_too_small_a_size_is_said() -> None:
    assert Vocabulary.train(SCENES, 520).size == 520
    with pytest.raises(ValueError, match="515 tokens or more"):
        Vocabulary.train(SCENES, 514)


def test_long_captions_lose_their_end_and_are_no_whole_sentence() -> None:
    ids = SMALL.encode(["a red ball on a table", "a ball"], 5)
    assert ids.shape == (2, 5) and SMALL.eos not in ids[0]
    assert ids[1].tolist()[3:] == [SMALL.eos, SMALL.pad]
    assert isinstance(SMALL.decode(ids)[0], Cut)


def test_caption_that_fits_keeps_its_end() -> None:
    caption = "a red ball on a table"
    (length,) = SMALL.lengths([caption])
    assert SMALL.encode([caption], length + 1)[0, -1] == SMALL.eos  # BOS first
    assert SMALL.eos not in SMALL.encode([caption], length)


def test_captions_without_end_are_cut() -> None:
    ids = SMALL.encode(["a red ball", "a red ball"], 9)
    ids[1, 4] = SMALL.encode(["table"], 9)[0, 1]
    whole, cut = SMALL.decode(ids)
    assert whole == "a red ball" and not isinstance(whole, Cut)
    assert cut == "a red ball table" and isinstance(cut, Cut)


def test_nothing_is_read_behind_the_end() -> None:
    ids = SMALL.encode(["a ball on a table"], 20)
    ids[0, 2] = SMALL.eos
    assert SMALL.decode(ids) == ["a"]


def test_saved_vocabulary_is_the_same(tmp_path) -> None:
    for vocabulary in (CLIP, SMALL):
        vocabulary.save(tmp_path / "tokenizer.json")
        again = Vocabulary.load(tmp_path / "tokenizer.json")
        assert torch.equal(again.encode(CAPTIONS, 30), vocabulary.encode(CAPTIONS, 30))
        assert (again.bos, again.eos, again.pad) == (vocabulary.bos, vocabulary.eos, vocabulary.pad)


def test_vocabulary_can_be_copied() -> None:
    assert torch.equal(copy.deepcopy(SMALL).encode(CAPTIONS, 30), SMALL.encode(CAPTIONS, 30))


def test_no_captions_make_an_empty_tensor() -> None:
    assert SMALL.encode([], 20).shape == (0, 0) and SMALL.decode(torch.zeros(0, 0, dtype=torch.long)) == []


def test_file_that_is_no_tokenizer_is_refused(tmp_path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{")
    with pytest.raises(ValueError, match="holds no tokenizer"):
        Vocabulary.load(path)


def test_caption_is_learned_lower_case_and_without_its_stop() -> None:
    assert lowercased("A Dog , and  a cat .") == "a dog, and a cat"
    assert lowercased("Two words") == "two words"
