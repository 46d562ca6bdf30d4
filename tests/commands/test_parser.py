"""What the command line says of words that it can't understand, in both languages."""

import pytest

from studio.commands.parser import CommandLineError, Parser


@pytest.fixture
def parser():
    parser = Parser(language="zh", prog="studio")
    parser.add_argument("place")
    parser.add_argument("--count", type=int)
    parser.add_argument("--share", type=float, choices=(0.5, 1.0))
    parser.add_argument("--file", type=open)
    parser.add_argument("--names", nargs="+")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--on", action="store_true")
    either.add_argument("--off", action="store_true")
    return parser


@pytest.mark.parametrize(
    ("words", "zh", "en"),
    [
        (["a", "--foo"], "不认识的参数 --foo", "unrecognized arguments: --foo"),
        ([], "缺少参数 place", "required: place"),
        (["a", "--share", "2"], "--share 不能是 2.0，可选：0.5, 1.0", "invalid choice: 2.0"),
        (["a", "--count", "x"], "--count 的值 'x' 不是整数", "invalid int value: 'x'"),
        (["a", "--share", "{x}"], "--share 的值 '{x}' 不是数字", "invalid float value: '{x}'"),
        (["a", "--count"], "--count 需要一个值", "expected one argument"),
        (["a", "--names"], "--names 至少需要一个值", "expected at least one"),
        (["a", "--on=1"], "--on 不接受值 '1'", "ignored explicit argument '1'"),
        (["a", "--on", "--off"], "--off 不能与 --on 同时使用", "not allowed with argument --on"),
    ],
)
def test_a_complaint_is_told_in_the_readers_language(parser, words, zh, en):
    with pytest.raises(CommandLineError) as caught:
        parser.parse_args(words)
    assert zh in caught.value.say("zh")
    assert "argument" not in caught.value.say("zh")
    assert en in caught.value.say("en")
