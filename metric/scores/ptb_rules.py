"""The rules by which Stanford's PTBLexer 3.4.1 cuts English text: at every place the rule that reads furthest wins.

Ties go to the earlier rule. Text that a rule looks ahead at counts as read, and is read again. Rules ignore case except
inside `(?-i:...)`. The lexer knows 16-bit characters only and drops emoji, as these rules do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

Write = Callable[[str], str]


@dataclass(frozen=True)
class Rule:
    """A rule: group 1 of `pattern` is the token, and `write` gives its spelling, "" for a token that is dropped."""

    pattern: re.Pattern[str]
    write: Write


def rule(token: str, ahead: str = "", write: Write = str) -> Rule:
    return Rule(re.compile(f"({token})(?:{ahead})", re.IGNORECASE), write)


# Letters that Python folds to i, k and s when it ignores case. The lexer folds them in words of its rules, and not in
# ranges such as a-z. Letters without case stand for them while rules are tried.
UNFOLDED = str.maketrans("\u0130\u0131\u017f\u212a", "\u13a0\u13a1\u13a2\u13a3")
FOLDED = {"i": "[i\u13a0\u13a1]", "s": "[s\u13a2]", "k": "[k\u13a3]"}
LITERAL = re.compile(r"\(\?-i:[^)]*\)|\[[^\]]*\]|\\.|[iskISK]")


def literal(words: str) -> str:
    """A pattern of words in which i, k and s stand also for the letters that the lexer folds to them."""
    return LITERAL.sub(lambda match: FOLDED.get(match[0].lower(), match[0]), words)


def either(words: str) -> str:
    """`"a b"` -> `(?:a|b)`."""
    return f"(?:{'|'.join(literal(words).split())})"


def drop(token: str) -> str:
    return ""


def joined(token: str) -> str:
    """The token with spaces that do not end it, and with brackets as Penn Treebank writes them."""
    return token.replace(" ", "\u00a0").replace("(", "-lrb-").replace(")", "-rrb-")


def without_soft_hyphens(token: str) -> str:
    return token.replace("\u00ad", "") or "-"


def with_ampersand(token: str) -> str:
    return token.replace("&amp;", "&")


FRACTIONS = {"\u00bc": "1/4", "\u00bd": "1/2", "\u00be": "3/4", "\u2153": "1/3", "\u2154": "2/3"}
CURRENCIES = {"\u00a2": "cents", "\u00a3": "#"} | dict.fromkeys("\u0080\u00a4\u20a0\u20ac", "$")
QUOTES = str.maketrans(
    {
        **dict.fromkeys("\u0082\u008b\u0091\u2018\u201b\u2039", "`"),
        **dict.fromkeys("\u0092\u009b\u00b4\u2019\u203a", "'"),
        **dict.fromkeys("\u0084\u0093\u201c\u00ab", "``"),
        **dict.fromkeys("\u0094\u201d\u00bb", "''"),
    }
)


def left_quotes(token: str) -> str:
    token = token.replace("&apos;", "'").replace("&quot;", '"')
    return token.replace('"', "``").replace("'", "`").translate(QUOTES)


def right_quotes(token: str) -> str:
    token = token.replace("&apos;", "'").replace("&quot;", '"')
    return token.replace('"', "''").translate(QUOTES)


def hyphens(token: str) -> str:
    return "--" if len(token) in (3, 4) else token


def ranges(codes: Iterable[int]) -> str:
    """The inside of a character class."""
    runs = groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0])  # in a run both grow alike
    ends = [(run[0][1], run[-1][1]) for run in (list(members) for _, members in runs)]
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ends)


# Characters.
SPACE = r"[ \t\u00a0\u2000-\u200a\u3000]"
BLANK = r"[ \t\u00a0\u2000-\u200a\u3000\r\n\u2028\u2029\u000b\u000c\u0085]"
LETTERS = ranges(code for code in range(0x10000) if unicodedata.category(chr(code)).startswith("L"))
PURE_LETTER = f"[{LETTERS}]"
DIGIT = r"(?:(?![\U00010000-\U0010ffff])\d)"
ALNUM = f"(?:{PURE_LETTER}|{DIGIT})"
# Signs that the lexer counts as letters: accents, vowel signs and other marks of many scripts.
MARKS = (
    r"\u00ad\u02c2-\u02c5\u02d2-\u02df\u02e5-\u02ff\u0300-\u0379\u0384\u0385\u03f6\u0483-\u0487\u055a-\u055f"
    r"\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0615-\u061a\u064b-\u065e\u0670\u06d6-\u06ef\u06fd\u06fe"
    r"\u070f\u0711\u0730-\u074c\u07a6-\u07b0\u07eb-\u07f3\u0900-\u0903\u093c\u093e-\u094e\u0951-\u0955"
    r"\u0962\u0963\u0981-\u0983\u09bc\u09be-\u09c4\u09c7\u09c8\u09cb-\u09cd\u09d7\u09e2\u09e3\u0a01-\u0a03"
    r"\u0a3c\u0a3e-\u0a4f\u0a81-\u0a83\u0abc\u0abe-\u0acf\u0b82\u0bbe-\u0bc2\u0bc6-\u0bc8\u0bca-\u0bcd"
    r"\u0c01-\u0c03\u0c3e-\u0c56\u0d3e-\u0d44\u0d46-\u0d48\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1"
    r"\u0eb4-\u0ebc\u0ec8-\u0ecd\u1885\u1886"
)
LETTER = f"(?:[{LETTERS}{MARKS}]|&[aeiou](?:acute|grave|uml);)"
APOSTROPHE = r"(?:['\u0092\u2019]|&apos;)"
ANY_APOSTROPHE = r"(?:['\u0092\u2019`\u0091\u2018\u201b]|&apos;)"
HYPHEN = r"[-_\u058a\u2010\u2011]"
PAUSE = r"[,;:\u3001]"
UPPER = r"(?-i:[A-Z])"

# Words and numbers.
WORD = f"{LETTER}(?:{LETTER}|{DIGIT})*(?:[.!?]{LETTER}(?:{LETTER}|{DIGIT})*)*"
NUM = rf"(?:{DIGIT}*(?:[.:,\u00ad\u066b\u066c]{DIGIT}+)+|{DIGIT}+)"
ELIDED = f"(?:[dol]{ANY_APOSTROPHE}{ALNUM})?"
LONG_ACRONYM = r"(?:[a-z](?:\.[a-z])+|(?:Canada|Sino|Korean|EU|Japan|non)-U\.S|U\.S\.-(?:U\.K|U\.S\.S\.R))"
ACRONYM = rf"(?:{LONG_ACRONYM}|[a-z])"
THING = f"{ELIDED}{ALNUM}+(?:{HYPHEN}{ELIDED}{ALNUM}+)*"
HYPHENATED = rf"[a-z0-9][a-z0-9.,\u00ad]*(?:-(?:{LONG_ACRONYM}\.|[a-z0-9\u00ad]+))+"
SLASHED = r"[a-z0-9]+(?:-[a-z]+){0,2}(?:\\?/[a-z0-9]+(?:-[a-z]+){0,2}){1,2}"
AMPERSAND = rf"{UPPER}+(?:(?:[+&]|&amp;){UPPER}+)+"
AUXILIARY = f"{APOSTROPHE}(?:[msd]|re|ve|ll)"
NEGATION = f"n{ANY_APOSTROPHE}t"

# Abbreviations before lower case, before a name, and before a number.
ABBREVIATION = either(
    r"Jan Feb Mar Apr Jun Jul Aug Sept? Oct Nov Dec Mon Tues? Wed Thu Thurs Fri Ala Ariz (?-i:A)z (?-i:A)rk Calif Colo "
    r"Conn Ct Dak (?-i:D)el Fla Ga (?-i:I)ll Ind Kans? Ky (?-i:L)a (?-i:M)ass Md Mich Minn (?-i:M)iss Mo Mont Neb Nev "
    r"Okla (?-i:O)re (?-i:P)a Penn Tenn (?-i:T)ex Va Vt (?-i:W)ash Wisc? Wyo Inc Cos? Corp Pp?t(?-i:[ye])s? Ltd Plc "
    r"Bancorp Bhd Assn Univ Intl Sys tel est ext sq Jr Sr Bros Ed\.D Ph\.D Esq etc al seq Blvd Rd Bldg"
)
TITLE = either(
    r"Mr Mrs Ms (?-i:M)iss Drs? Profs? Sens? Reps? Attys? Lt Col Gen Messrs Govs? Adm Rev Maj Sgt Cpl Pvt Capt Ste? "
    r"Ave Pres Lieut Hon Brig Co?mdr Pfc Spc Supts? Det Mt Ft Rt vs Alex Wm Jos Cie a\.k\.a cf TREAS Adj Adv Asst "
    r"Assoc Ens Insp Mlle Mme Msgr Sfc Ph Invt Elec Natl M(?-i:[ft])g Dept"
)
NUMBERED = either("ca figs? prop nos? art bldg prop pp op")
# Before one of these an acronym is taken for the end of a sentence.
OPENING = either(
    "About According Additionally After An A As At But Earlier He Her Here However If In It Last Many More Mr. Ms. Now "
    "Once One Other Our She Since So Some Such That The Then There These They This We When While What Yet You"
).replace(".", "[.]")

# What hides its spaces: addresses, markup, telephone numbers.
NAME = "[a-z][a-z0-9_:.-]*"
VALUE = rf"(?:'[^']*'|\"[^\"]*\"|{NAME})"
MARKUP = rf"<(?:[!?][a-z-][^>\r\n]*|{NAME}(?: +{NAME}(?: *= *{VALUE})?)* */?|/{NAME}) *>"
NO_URL = r" \t\n\f\r\"<>|"
URL = rf"https?://[^{NO_URL}()]+[^{NO_URL}.!?(){{}},-]"
SITE = (
    rf"(?:www\.(?:[^{NO_URL}.!?(){{}},]+\.)+[a-z]{{2,4}}|(?:(?-i:[^{NO_URL}`'.!?(){{}},-_$])+\.)+(?:com|net|org|edu))"
    rf"(?:/[^{NO_URL}()]+[^{NO_URL}.!?(){{}},-])?"
)
NO_EMAIL = r" \t\n\f\r\"<>|(){}\u00a0"
EMAIL = rf"(?:&lt;|<)?[a-z0-9][^{NO_EMAIL}]*@(?:[^{NO_EMAIL}.]+\.)*[^{NO_EMAIL}.]+(?:&gt;|>)?"
AREA = r"(?:\([0-9]{2,3}\)[ \u00a0]?|(?:\+\+?)?(?:[0-9]{2,4}[- \u00a0])?[0-9]{2,4}[- \u00a0])"
PHONE = (
    rf"{AREA}[0-9]{{3,4}}[- \u00a0]?[0-9]{{3,5}}"
    r"|(?:(?:\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}"
)
APOSTROPHE_WORD = "|".join(
    (
        f"{APOSTROPHE}n{APOSTROPHE}?",
        f"[ldj]{APOSTROPHE}",
        f"{either('Dunkin somethin ol')}{APOSTROPHE}",
        f"{APOSTROPHE}{either('em [2-9]0s till? cause')}",
        f"(?-i:[A-HJ-XZn]){ANY_APOSTROPHE}{PURE_LETTER}{{2,}}",
        f"{PURE_LETTER}+[aeiouy]{ANY_APOSTROPHE}(?-i:[aeiouA-Z]){PURE_LETTER}*",
        literal(r"cont'd\.?|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l"),
    )
)
SYMBOLS = (
    r"[+%&~^|\\¦§¨©¬®¯°-³´-º×÷\u0387\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u0600-\u0603\u0606-\u060a\u060c\u0614"
    r"\u061b\u061e\u066a\u066d\u0703-\u070d\u07f6\u07f7\u07f8\u0964\u0965\u0e4f\u1fbd\u2016\u2017\u2020-\u2023"
    r"\u2030-\u2038\u203b\u203e-\u2042\u2044\u207a-\u207f\u208a-\u208e\u2100-\u214f\u2190-\u21ff\u2200-\u2bff\u3012"
    r"\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]"
)

FILE_ENDING = either(
    "bat bmp c class cgi cpp dll docx? exe gif gz h html? jar java jpe?g mov mp3 pdf php pl png ppt ps py sql tar txt "
    "wav x xml zip"
)

RULES = (
    rule("c[+][+]|[cf]#"),
    rule("can", "not"),
    rule(f"{APOSTROPHE}t", literal("was"), right_quotes),
    rule(f"{APOSTROPHE}t", literal("is"), right_quotes),
    rule("gon|got|wan", "na|ta"),
    rule(literal("lem|gim"), "me"),
    rule(MARKUP, write=joined),
    rule(r"&(?:MD|mdash|ndash);|[\u0096\u0097\u2013\u2014\u2015]", write=lambda _: "--"),
    rule("&amp;", write=with_ampersand),
    rule("&(?:HT|TL|UR|LR|QC|QL|QR|odq|cdq|#[0-9]+);"),
    rule(WORD, AUXILIARY, without_soft_hyphens),
    rule(r"[a-z\u00ad]*[a-mo-z]\u00ad*", NEGATION, without_soft_hyphens),
    rule(WORD, write=without_soft_hyphens),
    rule(APOSTROPHE_WORD),
    rule(f"y{APOSTROPHE}", PURE_LETTER),
    rule(URL),
    rule(SITE),
    rule(EMAIL),
    rule(f"@[a-z_][a-z_0-9]*|#{LETTER}+"),
    rule(AUXILIARY, "[^A-Za-z]", right_quotes),
    rule(NEGATION, write=right_quotes),
    rule(rf"{DIGIT}{{1,2}}[-/]{DIGIT}{{1,2}}[-/]{DIGIT}{{2,4}}"),
    rule(f"[-+]?{NUM}", write=without_soft_hyphens),
    rule(r"[\u207a\u207b\u208a\u208b]?(?:[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+|[\u2080-\u2089]+)"),
    rule(rf"(?:{DIGIT}{{1,4}}[- \u00a0])?{DIGIT}{{1,4}}(?:\\?/|\u2044){DIGIT}{{1,4}}", write=joined),
    rule(r"[\u00bc\u00bd\u00be\u2153-\u215e]", write=lambda sign: FRACTIONS.get(sign, sign)),
    rule("-(?:RRB|LRB|RCB|LCB|RSB|LSB)-"),
    rule(
        rf"C\.D\.s|pro-|anti-|S(?:&|&amp;)P-500|S(?:&|&amp;)Ls|Cap{APOSTROPHE}n|c{APOSTROPHE}est", write=with_ampersand
    ),
    rule(SLASHED),
    rule(f"{UPPER}*[$]|#"),
    rule(
        r"[\u00a2\u00a3\u00a4\u00a5\u0080\u20a0\u20ac\u060b\u0e3f\u20a4\uffe0\uffe1\uffe5\uffe6]",
        write=lambda sign: CURRENCIES.get(sign, sign),
    ),
    rule("[a-z]", rf"\.{BLANK}+(?-i:{OPENING}){BLANK}"),
    rule(rf"{LONG_ACRONYM}\.", f"{BLANK}+(?-i:{OPENING}){BLANK}"),
    rule(rf"{NUMBERED}\.", f"{BLANK}?{DIGIT}"),
    rule(rf"{ABBREVIATION}\.", f"{BLANK}(?:{BLANK}|{UPPER}|{MARKUP})"),
    rule(rf"{ABBREVIATION}\.", "(?s:..)"),
    rule(rf"{ABBREVIATION}\."),
    rule(rf"(?:{TITLE}|{ACRONYM})\."),
    rule(f"{TITLE}|{ACRONYM}", SPACE),
    rule(ACRONYM, BLANK),
    rule(f"{APOSTROPHE}[0-9][0-9]", BLANK),
    rule(rf"{ALNUM}+(?:[.]{ALNUM}+)*\.{FILE_ENDING}", rf"{BLANK}|[.?!,]"),
    rule(rf"{WORD}\.", PAUSE, without_soft_hyphens),
    rule(PHONE, write=joined),
    rule('"|&quot;', "[a-z0-9$]", left_quotes),
    rule('"|&quot;', write=right_quotes),
    rule("\x7f", write=drop),
    rule("<|&lt;", write=lambda _: "<"),
    rule(">|&gt;", write=lambda _: ">"),
    rule(r"[<>]?[:;=][-o*']?(?-i:[()DPdpO\\{@|\[\]])", r"[^A-Za-z0-9]", joined),
    rule(
        r"[\^x=~<>]\.\[\^x=~<>\]|[-\^x=~<>']_[-\^x=~<>']|\([-\^x=~<>'][_.]?[-\^x=~<>']\)|\([\^x=~<>']-[\^x=~<>'`]\)",
        write=joined,
    ),
    rule("[(]", write=lambda _: "-lrb-"),
    rule("[)]", write=lambda _: "-rrb-"),
    rule(r"\[", write=lambda _: "-lsb-"),
    rule(r"\]", write=lambda _: "-rsb-"),
    rule("[{]", write=lambda _: "-lcb-"),
    rule("[}]", write=lambda _: "-rcb-"),
    rule("-+", write=hyphens),
    rule(r"[.]{3,}|[\u0085\u2026]", write=lambda _: "..."),
    rule(r"[.][ \u00a0](?:[.][ \u00a0])+[.]", write=lambda _: "..."),
    rule(r"@+|#+|_+"),
    rule(r"[*]+|(?:\\[*]){1,3}"),
    rule(PAUSE),
    rule("[?!]+"),
    rule(r"[.¡¿\u037e\u0589\u061f\u06d4\u0700-\u0702\u07fa\u3002]"),
    rule("="),
    rule("/"),
    rule(rf"{HYPHENATED}\.", PAUSE, without_soft_hyphens),
    rule(HYPHENATED, write=without_soft_hyphens),
    rule(rf"{THING}\.", PAUSE),
    rule(THING),
    rule(rf"{AMPERSAND}\.", PAUSE, with_ampersand),
    rule(AMPERSAND, write=with_ampersand),
    rule("'", r"[a-z][^ \t\n\r\u00a0]", left_quotes),
    rule(AUXILIARY, write=right_quotes),
    rule(
        f"''|[`\u2018-\u201f\u0082\u0084\u0091-\u0094\u2039\u203a\u00ab\u00bb]{{1,2}}|{APOSTROPHE}", write=right_quotes
    ),
    rule("<<|>>"),
    rule(SYMBOLS),
    rule(f"{BLANK}+|[\x00\u200b\u200e\u200f\ufeff]|&nbsp;|(?s:.)", write=drop),
)


@lru_cache(maxsize=64)
def unfolded(text: str) -> str:
    """A text of equal length for the rules, in which no letter beyond ASCII is taken for a letter of ASCII."""
    return text if text.isascii() else text.translate(UNFOLDED)


def step(text: str, at: int) -> tuple[str, int]:
    """The token that begins at `at`, "" where none does, and the place after it."""
    furthest = after = at
    write: Write = drop
    seen = unfolded(text)
    for rule in RULES:
        match = rule.pattern.match(seen, at)
        if match and match.end() > furthest:
            furthest, after, write = match.end(), match.end(1), rule.write
    return write(text[at:after]).lower(), after
