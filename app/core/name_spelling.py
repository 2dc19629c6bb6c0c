"""Keys of a full name that are equal for its usual spellings: in Russian, Belarusian, Ukrainian, Georgian, Armenian, Kazakh,
Tatar or Azeri letters, and in the Latin ones of passports (ICAO and GOST, Belarusian, Ukrainian and Georgian national), of ISO 9,
of BGN/PCGN, and of German, Polish and French newspapers; and German, Scandinavian, Polish and Czech names in their own letters,
without their signs (Müller, Mueller, Muller) and in Russian letters.

Pure functions of form 2 (`identifiers.FORM`): removing a key needs a new form; adding one does not, because names that were hashed
before are still found. The keys are for comparison only, not a transliteration to show. `tests/unit/test_name_spelling.py`
measures how many spellings of one name they join, and how many different people; docs/matching.md has the figures. A patronymic is
left out, because most people write none: two people with the same first name and surname are alike. Not joined: short forms (Саша
and Александр), the surnames of husband and wife, and a surname that was translated.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

_MOST_KEYS: Final = 16
_MOST_READINGS: Final = 8
"""Of one word."""
_MOST_WORDS: Final = 5

_LATIN: Final = str.maketrans(
    {
        # Russian, Belarusian, Ukrainian
        "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "ie", "ё": "io", "є": "ie", "э": "e", "ж": "zh",
        "з": "z", "и": "i", "й": "i", "і": "i", "ї": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p",
        "р": "r", "с": "s", "т": "t", "у": "u", "ў": "w", "ф": "f", "х": "kh", "ц": "ts", "ч": "tsch", "ш": "sh",
        "щ": "shch", "ъ": "", "ы": "i", "ь": "", "ю": "iu", "я": "ia", "ѣ": "ie", "ѳ": "f",
        # Kazakh, Kyrgyz, Tatar, Bashkir
        "ә": "a", "ғ": "g", "қ": "k", "ң": "n", "ө": "O", "ү": "u", "ұ": "u", "һ": "h", "җ": "dzh", "ҙ": "z", "ҡ": "k",
        "ҫ": "s", "ҳ": "h", "ҷ": "dzh", "ӯ": "u", "ӣ": "i",
        # Georgian
        "ა": "a", "ბ": "b", "გ": "g", "დ": "d", "ე": "e", "ვ": "v", "ზ": "z", "თ": "t", "ი": "i", "კ": "k", "ლ": "l",
        "მ": "m", "ნ": "n", "ო": "o", "პ": "p", "ჟ": "zh", "რ": "r", "ს": "s", "ტ": "t", "უ": "u", "ფ": "p", "ქ": "k",
        "ღ": "g", "ყ": "q", "შ": "sh", "ჩ": "tsch", "ც": "ts", "ძ": "dz", "წ": "ts", "ჭ": "tsch", "ხ": "kh", "ჯ": "dzh",
        "ჰ": "h",
        # Armenian
        "ա": "a", "բ": "b", "գ": "g", "դ": "d", "ե": "ie", "զ": "z", "է": "e", "ը": "i", "թ": "t", "ժ": "zh", "ի": "i",
        "լ": "l", "խ": "kh", "ծ": "ts", "կ": "k", "հ": "h", "ձ": "dz", "ղ": "q", "ճ": "tsch", "մ": "m", "յ": "i", "ն": "n",
        "շ": "sh", "ո": "o", "չ": "tsch", "պ": "p", "ջ": "dzh", "ռ": "r", "ս": "s", "վ": "v", "տ": "t", "ր": "r",
        "ց": "ts", "ւ": "v", "փ": "p", "ք": "k", "օ": "o", "ֆ": "f",
        # Latin letters that are more than their base letter, of ISO 9, Polish, Czech, Lithuanian and Azeri
        "š": "sh", "ŝ": "shch", "ś": "s", "ş": "sh", "ș": "sh", "č": "tsch", "ć": "ts", "ç": "tsch", "ž": "zh", "ż": "zh", "ź": "z",
        "ł": "l", "ß": "s", "ə": "a", "ı": "i", "ĭ": "i", "đ": "d", "ŭ": "w", "â": "ia", "û": "iu", "ğ": "g", "æ": "e", "ø": "o",
        "ô": "o", "ö": "O", "ë": "io",
    }
)  # fmt: skip
_WRITTEN: Final = tuple(
    (re.compile(written), sound)
    for written, sound in (
        (r"schtsch|shch|szcz|stch|chtch", "S"), (r"dzh|dsch|dzsch", "S"), (r"tsch|tch|cz", "S"), (r"sch|sh|sz|zh|tz", "S"),
        (r"kh|(?<=.)gh", "h"), (r"ph", "f"), (r"th", "t"), (r"d[sz]", "d"), (r"o(?:ff?|w)$", "ov"), (r"eff?$", "ev"),
        (r"gu(?=[ei])", "g"), (r"w", "v"), (r"y", "i"),
    )
)  # fmt: skip
"""Groups of letters for one sound; s, z, sh, zh, ch and ts, which the spellings mix up (Kuznetsov, Kusnezow), are all s; a
capital S until all are found, so that it joins no group itself."""
_AMBIGUOUS: Final = (
    (re.compile(r"ch"), ("s", "h")),  # Chekhov, Tichanowskaja
    (re.compile(r"c(?![eihyk])"), ("s", "k")),  # Cukanov, Victor
    (re.compile(r"ck"), ("k", "sk")),  # Beck, Bielacki
    (re.compile(r"O"), ("u", "o")),  # Рөстәм and Рустам, Өмірбек and Омирбек
    (re.compile(r"x"), ("ks", "h")),  # Alexei, Xalilov
    (re.compile(r"^gh"), ("h", "k")),  # Ghazaryan, Казарян
    (re.compile(r"q"), ("k", "h")),  # Qasymov, Qasımov
    (re.compile(r"^dj"), ("di", "s")),  # Djatschkow, Djamila
    (re.compile(r"^j(?=[eiou])|(?<=.)j(?=.)"), ("i", "s")),  # Jelena, Burjanadze, Nadejda
    (re.compile(r"^ja"), ("ya", "a", "sa")),  # Jana, Javakhishvili
    (re.compile(r"(?<=[^aeiou])iu(?=k)"), ("iu", "iv")),  # Tyukov, Kryuko
    (re.compile(r"ts(?=i?[aeou]|i|$)|c(?=[ei])"), ("s", "t")),  # Tsikhanouskaya, Tikhanovskaya
    (re.compile(r"ou(?=[^aeiou])"), ("ov", "u")),  # Tsikhanouskaya, Goussev
    (re.compile(r"^i?ia"), ("ya", "a")),  # Yakov; Yaŭsieeŭ and Yevseyev
)
_SOUNDS: Final = tuple(
    (re.compile(written), sound)
    for written, sound in (
        (r"(?<=[aeo])u(?=[^aeiou]|$)", "v"),  # Ivanou
        (r"j", "i"), (r"ts|[cz]", "s"), (r"g", "h"), (r"[eo]", "a"), (r"i+(?=[au])", ""), (r"(.)\1+", r"\1"),
        (r"(?<=s)i$|(?<=[a-z])ii$", "i"),
    )
)  # fmt: skip

_WESTERN: Final = tuple(
    (re.compile(written), letters)
    for written, letters in (
        ("ę(?=[bp])", "em"), ("ę", "en"), ("ą(?=[bp])", "om"), ("ą", "on"), ("ó", "u"), ("(?<=.)rz", "zh"), ("ř", "rzh"),
        ("(?<![qaeo])ue", "u"), ("(?:eu|aeu|äu)(?=[^aeiouy])", "oi"), ("(?<=[^aeiouy])ie(?=[^aeiouyj])", "i"),
        ("(?<=[aeiouyäöü])h(?=[lmnr])", ""), ("(?<=[hv]i)ne$", "n"), ("^j(?=d|ann)", "zh"),
    )
)  # fmt: skip
"""How German, Polish, Czech and French letters sound in Russian ones: Neumann, Нойманн; Wałęsa, Валенса; Poutine, Путин; Jdanov,
Жданов; and ü that
is written as ue. Keys of these stand beside those of the letters."""

_GIVEN_NAMES: Final = (
    "Александр Alexander Aleksander", "Александра Аляксандра Олександра Alexandra", "Алексей Аляксей Олексій",
    "Андрей Андрэй Андрій", "Анна Ганна Hanna", "Антон Антось", "Артём Арцём Артем", "Василий Васіль Василь",
    "Виктор Віктар Віктор Victor", "Виталий Віталь Віталій", "Виктория Вікторыя Вікторія Victoria",
    "Владимир Уладзімір Володимир Uladzimir", "Владислав Уладзіслаў Владислав", "Вячеслав Вячаслаў Viachaslau", "Галина Галіна",
    "Григорий Рыгор Григорій", "Дарья Дар'я Дарія Darya", "Денис Дзяніс", "Дмитрий Дзмітрый Дмитро Зміцер",
    "Евгений Яўген Євген Евген Eugene Eugen Yauhen", "Евгения Яўгенія Євгенія Eugenia Yauheniya", "Егор Ягор Єгор",
    "Екатерина Кацярына Катерина Katerina Katsiaryna", "Елена Алена Олена Helena", "Елизавета Лізавета Єлизавета Elisabeth",
    "Иван Іван Ян", "Игорь Ігар Ігор", "Илья Ілля", "Ирина Ірына Ірина", "Кирилл Кірыл Кирило", "Ксения Ксенія Оксана Аксана",
    "Константин Канстанцін Костянтин Constantin", "Леонид Леанід Леонід", "Максим Максім", "Маргарита Маргарыта",
    "Мария Марыя Марія", "Михаил Міхаіл Михайло Michael Mikhal", "Надежда Надзея Надія Nadzeya", "Наталья Наталля Наталія",
    "Никита Мікіта Микита Mikita", "Николай Мікалай Микола Mikalai Nicolas", "Олег Алег", "Ольга Вольга Volha",
    "Павел Павал Павло Paul", "Пётр Пятро Петро Peter Piotr", "Роман Раман", "Светлана Святлана Світлана Sviatlana",
    "Семён Сямён Семен", "Сергей Сяргей Сергій Sergio", "Степан Сцяпан Степан", "Тарас",
    "Татьяна Таццяна Тетяна Tatsiana Tetiana", "Тимофей Цімафей Тимофій", "Фёдор Фёдар Федір Theodor", "Юлия Юлія",
    "Юрий Юрый Юрій", "Яков Якаў Яків", "Яна Jana", "Ярослав Яраслаў", "Оганес Ованнес Hovhannes Հովհաննես",
    "Оганесян Ованнисян Ованесян Hovhannisyan Հովհաննիսյան", "Давид Davit Дзавід Դավիթ დავით", "Анжелика Анжэліка Angelika",
    "Акоп Hakob Հակոբ", "Акопян Hakobyan Հակոբյան", "Арутюн Harutyun Հարություն",
    "Арутюнян Harutyunyan Հարությունյան", "Айрапетян Hayrapetyan Հայրապետյան", "Саркис Sargis Սարգիս",
    "Саркисян Sargsyan Սարգսյան Sarkissian", "Асмик Hasmik Հասմիկ", "Григорян Grigoryan Գրիգորյան",
)  # fmt: skip
"""Names that the passports of Russia, Belarus, Ukraine and Armenia write differently, each group one name."""
_PARTICLE: Final = re.compile(r"^(?:ahli|ahlu|ula|uli|ulu|(?:k|h)isi|(?:k|h)is)$")
"""Оглы, кызы, улы, уулу as words of their own: with the word before them, they are a patronymic."""
_PATRONYMIC: Final = re.compile(r"(?:[aiu]vi[sh]|[aiu]vna|i[sh]na|li[sh]|.(?:uli|k?isi))$")


def name_keys(text: str) -> list[str]:
    """The keys of a full name: each of two of its words, sorted; no key if it has only one word. At most sixteen.

    Two names may belong to one person if they have a key in common. Words of one hyphenated name make no key of their own, because
    siblings have such a surname in common.
    """
    groups = [[part for part in token.split("-") if _letters(part)] for token in _tokens(text)]
    groups = [group for group in groups if group]
    if len(groups) == 1:
        groups = [[part] for part in groups[0]]
    groups = groups[:_MOST_WORDS]
    spoken = [[tuple(readings_of(_letters(part))) for part in group] for group in groups]
    western = [
        [_western_readings(part, readings) for part, readings in zip(group, words, strict=True)]
        for group, words in zip(groups, spoken, strict=True)
    ]
    keys = dict.fromkeys(_pairs(spoken))
    if western != spoken:
        keys |= dict.fromkeys(_pairs(western))
    return list(keys)[:_MOST_KEYS]


def _pairs(spoken: "_Spoken") -> Iterator[str]:
    for kept in _without_patronymic(spoken):
        for one, other in itertools.combinations(kept, 2):
            for words in itertools.product(one, other):
                for pair in itertools.product(*words):
                    if pair[0] != pair[1]:
                        yield " ".join(sorted(pair))


def _western_readings(word: str, readings: tuple[str, ...]) -> tuple[str, ...]:
    """The readings, and those of the word as a German, a Pole, a Czech or a French newspaper means it."""
    heard = word
    for written, letters in _WESTERN:
        heard = written.sub(letters, heard)
    return readings if heard == word else tuple(dict.fromkeys((*readings, *readings_of(_letters(heard)))))


def readings_of(word: str) -> list[str]:
    """The possible readings of a word by its sound, the likeliest first; one reading if it is a known given name."""
    readings = _sounds(word)
    known = next((_KNOWN[reading] for reading in readings if reading in _KNOWN), None)
    return [known] if known else readings


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"[‐‑‒–—]", "-", plain)
    return [token for token in re.split(r"[\s.,;:/()«»\"]+", plain) if token]


def _letters(word: str) -> str:
    """The word without signs and accents, in Latin letters where its script is known; empty for an initial."""
    if sum(letter.isalnum() for letter in word) < 2:
        return ""
    latin = word.replace("ու", "u").replace("և", "ev").translate(_LATIN)
    decomposed = unicodedata.normalize("NFKD", latin)
    return "".join(letter for letter in decomposed if letter.isalnum() and unicodedata.category(letter) != "Lm")


def _sounds(word: str) -> list[str]:
    for written, sound in _WRITTEN:
        word = written.sub(sound, word)
    return list(dict.fromkeys(_folded(reading) for reading in _choices(word)))[:_MOST_READINGS]


def _choices(word: str) -> Iterator[str]:
    """Each way of reading the letters that stand for two sounds; the same letters are read alike throughout the word."""
    present = [(written, sounds) for written, sounds in _AMBIGUOUS if written.search(word)]
    for chosen in itertools.product(*(sounds for _, sounds in present)):
        reading = word
        for (written, _), sound in zip(present, chosen, strict=True):
            reading = written.sub(sound, reading)
        yield reading


def _folded(word: str) -> str:
    word = word.replace("S", "s")
    for written, sound in _SOUNDS:
        word = written.sub(sound, word)
    return word


_Spoken = list[list[tuple[str, ...]]]


def _without_patronymic(groups: _Spoken) -> Iterable[_Spoken]:
    """The words of the name without its patronymic; in each possible way, if two words could be the patronymic."""
    for position in range(1, len(groups)):
        if len(groups) > 3 and any(_PARTICLE.match(reading) for reading in groups[position][0]):
            return [groups[: position - 1] + groups[position + 1 :]]
    if len(groups) < 3:
        return [groups]
    places = [
        position
        for position in range(1, len(groups))
        if len(groups[position]) == 1 and any(_PATRONYMIC.search(reading) for reading in groups[position][0])
    ]
    return [groups[:position] + groups[position + 1 :] for position in places] or [groups]


_KNOWN: Final = {
    sound: _sounds(_letters(group.split()[0].casefold()))[0]
    for group in reversed(_GIVEN_NAMES)
    for spelling in reversed(group.split())
    for sound in _sounds(_letters(spelling.casefold()))[:1]
}
