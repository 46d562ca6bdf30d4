"""How bytes become words where nobody says how they were saved."""

import pytest

from studio.datasets.encodings import decoded


@pytest.mark.parametrize(
    ("words", "encoding"),
    [("一只红色的猫", "gbk"), ("一只猫", "gbk"), ("ink_style, 一只猫坐在雪地上", "gbk"), ("“猫”在跑——快·跑", "gbk"),
     ("镕基喆", "gbk"), ("中文", "big5"), ("一隻貓坐在草地上，日落", "big5"), ("臺灣", "big5"), ("猫\r\n狗", "utf-16"),
     ("дом и лес, élan", "utf-8"), ("αβγ ∆, 50 µm", "utf-8"), ("été", "utf-8"), ("日本語のカフェ", "utf-8"), ("µΩ", "utf-8"),
     ("Ёжик über Straße №5 ™", "utf-8-sig"), ("한국어 고양이", "utf-8"), ("a plain cat", "ascii")],
)  # fmt: skip
def test_words_come_back_from_the_encoding_they_were_saved_in(words, encoding):
    assert decoded(words.encode(encoding)) == words


@pytest.mark.parametrize(
    ("words", "encoding"),
    [("a café", "latin-1"), ("naïve", "latin-1"), ("дом в лесу", "cp1251"), ("女の子が海辺に立っている", "shift-jis")],
)  # fmt: skip
def test_what_no_reading_makes_sense_of_stays_unread(words, encoding):
    assert decoded(words.encode(encoding)) is None
