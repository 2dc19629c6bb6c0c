"""Two thousand made-up people, each with the ways in which passports, standards and newspapers write a name like theirs.

The names are common given names and surnames put together by a fixed seed; the rules of transliteration are the published ones,
written here for themselves, so that a fault in the application's tables is not repeated.
"""

import random
import unicodedata
from dataclasses import dataclass
from typing import Final

_CYRILLIC: Final = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"


def _table(spellings: str, more: dict[str, str] | None = None) -> dict[str, str]:
    return {
        **dict(zip(_CYRILLIC, ["" if one == "-" else one for one in spellings.split()], strict=True)),
        **(more or {}),
    }


_SYSTEMS: Final = {
    "ICAO, GOST passport": _table("a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y - e iu ia"),
    "former passport": _table("a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya"),
    "ISO 9": _table("a b v g d e ë ž z i j k l m n o p r s t u f h c č š ŝ ʺ y ʹ è û â"),
    "scholarly": _table("a b v g d e ë ž z i j k l m n o p r s t u f ch c č š šč ʺ y ʹ ė ju ja"),
    "BGN/PCGN": _table("a b v g d e ë zh z i y k l m n o p r s t u f kh ts ch sh shch ʺ y ’ e yu ya"),
    "German newspaper": _table("a b w g d e jo sch s i i k l m n o p r s t u f ch z tsch sch schtsch - y - e ju ja"),
    "Polish newspaper": _table("a b w g d ie io ż z i j k ł m n o p r s t u f ch c cz sz szcz - y - e iu ia"),
    "French newspaper": _table("a b v g d e io j z i ï k l m n o p r s t ou f kh ts tch ch chtch - y - e iou ia"),
}


def _latin(text: str, system: str) -> str:
    table = _SYSTEMS[system]
    written = []
    for word in text.lower().split():
        out = ""
        for place, letter in enumerate(word):
            before = word[place - 1] if place else ""
            vowel_before = not before or before in "аеёиоуыэюяьъ"
            if letter in "её" and vowel_before and system == "BGN/PCGN":
                out += "ye" if letter == "е" else "yë"
            elif letter in "её" and vowel_before and system in {"German newspaper", "Polish newspaper"}:
                out += "je" if letter == "е" else "jo"
            elif letter in "юя" and vowel_before and system == "Polish newspaper":
                out += {"ю": "ju", "я": "ja"}[letter]
            elif letter == "л" and system == "Polish newspaper" and word[place + 1 : place + 2] in set("еёиюяь"):
                out += "l"
            elif letter == "е" and before in "лжшчцщ" and system == "Polish newspaper":
                out += "e"
            elif letter == "и" and before in "жшц" and system == "Polish newspaper":
                out += "y"
            elif letter == "й" and before in "иы" and place == len(word) - 1 and system == "German newspaper":
                out += ""
            elif letter == "с" and system == "German newspaper" and 0 < place < len(word) - 1:
                between = before in "аеёиоуыэюя" and word[place + 1] in "аеёиоуыэюя"
                out += "ss" if between else "s"
            else:
                out += table[letter]
        written.append(out.capitalize())
    return " ".join(written)


_BELARUSIAN: Final = dict(
    zip(
        "абвгдзйклмнопрстуўфхцчшыэіж",
        [
            "a",
            "b",
            "v",
            "h",
            "d",
            "z",
            "i",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "y",
            "e",
            "i",
            "zh",
        ],
        strict=True,
    )
)
_LACINKA: Final = dict(
    zip(
        "абвгдзйклмнопрстуўфхцчшыэіжь",
        [
            "a",
            "b",
            "v",
            "h",
            "d",
            "z",
            "j",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "ŭ",
            "f",
            "ch",
            "c",
            "č",
            "š",
            "y",
            "e",
            "i",
            "ž",
            "-",
        ],
        strict=True,
    )
) | {"ь": ""}
_UKRAINIAN: Final = dict(
    zip(
        "абвгґдежзиійклмнопрстуфхцчшщь'",
        [
            "a",
            "b",
            "v",
            "h",
            "g",
            "d",
            "e",
            "zh",
            "z",
            "y",
            "i",
            "i",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "shch",
            "-",
            "-",
        ],
        strict=True,
    )
) | {"ь": "", "'": ""}
_GEORGIAN: Final = dict(
    zip(
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        [
            "a",
            "b",
            "g",
            "d",
            "e",
            "v",
            "z",
            "t",
            "i",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "zh",
            "r",
            "s",
            "t",
            "u",
            "p",
            "k",
            "gh",
            "q",
            "sh",
            "ch",
            "ts",
            "dz",
            "ts",
            "ch",
            "kh",
            "j",
            "h",
        ],
        strict=True,
    )
)
_KAZAKH: Final = dict(zip("әғқңөұүһі", ["a", "g", "k", "n", "o", "u", "u", "h", "i"], strict=True))


def _soft(text: str, table: dict[str, str], soft: dict[str, str], at_start: dict[str, str]) -> str:
    words = []
    for word in text.lower().split():
        out = ""
        for place, letter in enumerate(word):
            starts = place == 0 or word[place - 1] in "аеёиіїоуыэюяє'ьў"
            out += (at_start if starts else soft).get(letter) or table.get(letter, "")
        words.append(out.capitalize())
    return " ".join(words)


def _belarusian_national(text: str) -> str:
    return _soft(
        text, _BELARUSIAN, {"е": "e", "ё": "io", "ю": "iu", "я": "ia"}, {"е": "ye", "ё": "yo", "ю": "yu", "я": "ya"}
    )


def _lacinka(text: str) -> str:
    return _soft(
        text, _LACINKA, {"е": "ie", "ё": "io", "ю": "iu", "я": "ia"}, {"е": "je", "ё": "jo", "ю": "ju", "я": "ja"}
    )


def _ukrainian_national(text: str) -> str:
    return _soft(
        text, _UKRAINIAN, {"є": "ie", "ї": "i", "ю": "iu", "я": "ia"}, {"є": "ye", "ї": "yi", "ю": "yu", "я": "ya"}
    )


def _without_hacek(text: str) -> str:
    return text.translate(str.maketrans("šžčŠŽČŭ", "szcSZCu"))


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up person: whoever has another `identity` is somebody else."""

    identity: tuple[str, str]
    spellings: dict[str, str]

    @property
    def usual(self) -> str:
        return next(iter(self.spellings.values()))


_MEN: Final = [
    "Александр",
    "Алексей",
    "Андрей",
    "Антон",
    "Артём",
    "Борис",
    "Вадим",
    "Валерий",
    "Василий",
    "Виктор",
    "Виталий",
    "Владимир",
    "Владислав",
    "Вячеслав",
    "Георгий",
    "Григорий",
    "Даниил",
    "Денис",
    "Дмитрий",
    "Евгений",
    "Егор",
    "Иван",
    "Игорь",
    "Илья",
    "Кирилл",
    "Константин",
    "Лев",
    "Леонид",
    "Максим",
    "Матвей",
    "Михаил",
    "Никита",
    "Николай",
    "Олег",
    "Павел",
    "Пётр",
    "Роман",
    "Руслан",
    "Семён",
    "Сергей",
    "Станислав",
    "Степан",
    "Тимофей",
    "Фёдор",
    "Юрий",
    "Яков",
    "Ярослав",
    "Ефим",
    "Всеволод",
]
_WOMEN: Final = [
    "Александра",
    "Алёна",
    "Алина",
    "Алла",
    "Анастасия",
    "Анна",
    "Валентина",
    "Валерия",
    "Вера",
    "Вероника",
    "Виктория",
    "Галина",
    "Дарья",
    "Диана",
    "Евгения",
    "Екатерина",
    "Елена",
    "Елизавета",
    "Жанна",
    "Зоя",
    "Инна",
    "Ирина",
    "Ксения",
    "Лариса",
    "Лидия",
    "Людмила",
    "Маргарита",
    "Марина",
    "Мария",
    "Надежда",
    "Наталья",
    "Нина",
    "Оксана",
    "Ольга",
    "Полина",
    "Раиса",
    "Светлана",
    "София",
    "Тамара",
    "Татьяна",
    "Ульяна",
    "Юлия",
    "Яна",
]
_SURNAMES: Final = [
    "Иванов",
    "Смирнов",
    "Кузнецов",
    "Попов",
    "Васильев",
    "Петров",
    "Соколов",
    "Михайлов",
    "Новиков",
    "Фёдоров",
    "Морозов",
    "Волков",
    "Алексеев",
    "Лебедев",
    "Семёнов",
    "Егоров",
    "Павлов",
    "Козлов",
    "Степанов",
    "Николаев",
    "Орлов",
    "Андреев",
    "Макаров",
    "Никитин",
    "Захаров",
    "Зайцев",
    "Соловьёв",
    "Борисов",
    "Яковлев",
    "Григорьев",
    "Романов",
    "Воробьёв",
    "Сергеев",
    "Терентьев",
    "Фролов",
    "Александров",
    "Дмитриев",
    "Королёв",
    "Гусев",
    "Киселёв",
    "Ильин",
    "Максимов",
    "Поляков",
    "Сорокин",
    "Виноградов",
    "Ковалёв",
    "Белов",
    "Медведев",
    "Антонов",
    "Тарасов",
    "Жуков",
    "Баранов",
    "Филиппов",
    "Комаров",
    "Давыдов",
    "Беляев",
    "Герасимов",
    "Богданов",
    "Осипов",
    "Сидоров",
    "Матвеев",
    "Титов",
    "Марков",
    "Миронов",
    "Крылов",
    "Куликов",
    "Карпов",
    "Власов",
    "Мельников",
    "Денисов",
    "Гаврилов",
    "Тихонов",
    "Казаков",
    "Афанасьев",
    "Данилов",
    "Савельев",
    "Тимофеев",
    "Фомин",
    "Чернов",
    "Абрамов",
    "Мартынов",
    "Ефимов",
    "Федотов",
    "Щербаков",
    "Назаров",
    "Калинин",
    "Исаев",
    "Чернышёв",
    "Быков",
    "Маслов",
    "Родионов",
    "Коновалов",
    "Лазарев",
    "Воронин",
    "Климов",
    "Филатов",
    "Пономарёв",
    "Голубев",
    "Кудрявцев",
    "Прохоров",
    "Наумов",
    "Потапов",
    "Журавлёв",
    "Овчинников",
    "Трофимов",
    "Леонов",
    "Соболев",
    "Ермаков",
    "Колесников",
    "Гончаров",
    "Емельянов",
    "Никифоров",
    "Грачёв",
    "Котов",
    "Гришин",
    "Ефремов",
    "Архипов",
    "Громов",
    "Кириллов",
    "Малышев",
    "Панов",
    "Моисеев",
    "Румянцев",
    "Акимов",
    "Кондратьев",
    "Бирюков",
    "Горбунов",
    "Анисимов",
    "Ерёмин",
    "Тихомиров",
    "Галкин",
    "Лукьянов",
    "Михеев",
    "Скворцов",
    "Юдин",
    "Белоусов",
    "Нестеров",
    "Симонов",
    "Прокофьев",
    "Харитонов",
    "Князев",
    "Цветков",
    "Левин",
    "Митрофанов",
    "Воронов",
    "Аксёнов",
    "Софронов",
    "Мальцев",
    "Логинов",
    "Горшков",
    "Савин",
    "Краснов",
    "Майоров",
    "Демидов",
    "Елисеев",
    "Рыбаков",
    "Сафонов",
    "Плотников",
    "Демин",
    "Хохлов",
    "Фадеев",
    "Молчанов",
    "Игнатов",
    "Литвинов",
    "Ершов",
    "Ушаков",
    "Дементьев",
    "Рябов",
    "Мухин",
    "Калашников",
    "Леонтьев",
    "Лобанов",
    "Кузин",
    "Корнеев",
    "Евдокимов",
    "Бородин",
    "Платонов",
    "Некрасов",
    "Балашов",
    "Бобров",
    "Жданов",
    "Блинов",
    "Игнатьев",
    "Коротков",
    "Муравьёв",
    "Крюков",
    "Беспалов",
    "Чижов",
    "Шувалов",
    "Шишкин",
    "Щукин",
    "Хабаров",
    "Цыганков",
    "Чехов",
    "Эминов",
    "Юрьев",
    "Ященков",
    "Ульянов",
    "Зимин",
    "Жилин",
    "Ежов",
    "Дьячков",
    "Гущин",
    "Вдовин",
    "Булгаков",
    "Агапов",
]
_PATRONYMICS: Final = {
    "m": ["Иванович", "Петрович", "Сергеевич", "Андреевич", "Ильич", "Юрьевич", "Николаевич"],
    "f": ["Ивановна", "Петровна", "Сергеевна", "Андреевна", "Ильинична", "Юрьевна", "Николаевна"],
}
_BELARUSIANS: Final = [
    "Аляксандр/Александр",
    "Аляксей/Алексей",
    "Андрэй/Андрей",
    "Дзмітрый/Дмитрий",
    "Яўген/Евгений",
    "Ягор/Егор",
    "Ігар/Игорь",
    "Мікалай/Николай",
    "Сяргей/Сергей",
    "Уладзімір/Владимир",
    "Уладзіслаў/Владислав",
    "Павел/Павел",
    "Пётр/Пётр",
    "Раман/Роман",
    "Мікіта/Никита",
    "Міхаіл/Михаил",
    "Віктар/Виктор",
    "Вячаслаў/Вячеслав",
    "Васіль/Василий",
    "Кірыл/Кирилл",
    "Цімафей/Тимофей",
    "Арцём/Артём",
    "Юрый/Юрий",
    "Ілля/Илья",
    "Максім/Максим",
    "Віталь/Виталий",
    "Святлана/Светлана",
    "Вольга/Ольга",
    "Кацярына/Екатерина",
    "Наталля/Наталья",
    "Таццяна/Татьяна",
    "Ганна/Анна",
    "Марыя/Мария",
    "Алена/Елена",
    "Ірына/Ирина",
    "Юлія/Юлия",
    "Надзея/Надежда",
    "Вікторыя/Виктория",
    "Ксенія/Ксения",
    "Дар'я/Дарья",
]
_BELARUSIAN_SURNAMES: Final = [
    "Кавалёнак/Ковалёнок",
    "Бяляцкі/Беляцкий",
    "Пятрэнка/Петренко",
    "Лукашэвіч/Лукашевич",
    "Шушкевіч/Шушкевич",
    "Міцкевіч/Мицкевич",
    "Багдановіч/Богданович",
    "Цярэшка/Терешко",
    "Ціхановіч/Тихонович",
    "Дзмітрук/Дмитрук",
    "Станкевіч/Станкевич",
    "Мацкевіч/Мацкевич",
    "Жылінскі/Жилинский",
    "Савіцкі/Савицкий",
    "Каваленка/Коваленко",
    "Казлоўскі/Козловский",
    "Шчарбакоў/Щербаков",
    "Крыўко/Кривко",
    "Грыневіч/Гриневич",
    "Гарбуз/Горбуз",
    "Хадкевіч/Ходкевич",
    "Аўдзееў/Авдеев",
    "Рагоўскі/Роговский",
    "Сакалоўскі/Соколовский",
    "Чарняўскі/Чернявский",
    "Заранок/Заранок",
    "Кулеш/Кулеш",
    "Варанцоў/Воронцов",
    "Бандарэнка/Бондаренко",
    "Барысевіч/Борисевич",
    "Гурыновіч/Гуринович",
    "Ждановіч/Жданович",
    "Кандраценка/Кондратенко",
    "Лявончык/Левончик",
    "Макарэвіч/Макаревич",
    "Няўмержыцкі/Невмержицкий",
    "Дубоўскі/Дубовский",
    "Рабцэвіч/Рабцевич",
    "Сідаровіч/Сидорович",
    "Туравец/Туровец",
    "Юшкевіч/Юшкевич",
]
_UKRAINIANS: Final = [
    "Олександр/Александр",
    "Олексій/Алексей",
    "Андрій/Андрей",
    "Дмитро/Дмитрий",
    "Євген/Евгений",
    "Іван/Иван",
    "Микола/Николай",
    "Сергій/Сергей",
    "Володимир/Владимир",
    "Павло/Павел",
    "Петро/Пётр",
    "Михайло/Михаил",
    "Григорій/Григорий",
    "Ольга/Ольга",
    "Олена/Елена",
    "Катерина/Екатерина",
    "Наталія/Наталья",
    "Тетяна/Татьяна",
    "Світлана/Светлана",
    "Юлія/Юлия",
]
_UKRAINIAN_SURNAMES: Final = [
    "Шевченко/Шевченко",
    "Бондаренко/Бондаренко",
    "Коваленко/Коваленко",
    "Ткаченко/Ткаченко",
    "Кравченко/Кравченко",
    "Гриценко/Гриценко",
    "Лисенко/Лысенко",
    "Мельник/Мельник",
    "Поліщук/Полищук",
    "Савчук/Савчук",
    "Хоменко/Хоменко",
    "Яценко/Яценко",
    "Зеленський/Зеленский",
    "Вишневський/Вишневский",
    "Юрченко/Юрченко",
]
_GEORGIANS: Final = [
    "ნინო/Нино",
    "გიორგი/Гиорги",
    "დავით/Давит",
    "თამარ/Тамар",
    "მარიამ/Мариам",
    "ლევან/Леван",
    "ირაკლი/Ираклий",
    "ეკა/Эка",
    "სალომე/Саломе",
    "ზურაბ/Зураб",
    "ქეთევან/Кетеван",
    "ხათუნა/Хатуна",
]
_GEORGIAN_SURNAMES: Final = [
    "ბერიძე/Беридзе",
    "კაპანაძე/Капанадзе",
    "გელაშვილი/Гелашвили",
    "მაისურაძე/Майсурадзе",
    "ლომიძე/Ломидзе",
    "ხარაძე/Харадзе",
    "ბურჯანაძე/Бурджанадзе",
    "ჯავახიშვილი/Джавахишвили",
    "ღვინიაშვილი/Гвиниашвили",
    "ჩხეიძე/Чхеидзе",
    "წერეთელი/Церетели",
    "ჭავჭავაძე/Чавчавадзе",
    "კვარაცხელია/Кварацхелия",
    "ყიფიანი/Кипиани",
]
_EASTERN: Final = (
    ("Рөстәм Галиев", "Рустам Галиев", "Rustam Galiev"), ("Әли Хәсәнов", "Али Хасанов", "Ali Khasanov"),
    ("Айгөл Сафина", "Айгуль Сафина", "Aigul Safina"), ("Гүзәл Җамалова", "Гузель Джамалова", "Guzel Dzhamalova"),
    ("Нұрлан Қасымов", "Нурлан Касымов", "Nurlan Kassymov"), ("Әсел Әбілқасымова", "Асель Абилкасымова", "Assel Abilkassymova"),
    ("Өмірбек Сәрсенов", "Омирбек Сарсенов", "Omirbek Sarsenov"), ("Ғалым Жұмабаев", "Галым Жумабаев", "Galym Zhumabayev"),
    ("Rüstəm Məmmədov", "Рустам Мамедов", "Rustam Mammadov"), ("Əli Xəlilov", "Али Халилов", "Ali Khalilov"),
    ("Leyla Cəfərova", "Лейла Джафарова", "Leyla Jafarova"), ("Elçin Qasımov", "Эльчин Касымов", "Elchin Qasimov"),
    ("Արամ Սարգսյան", "Арам Саркисян", "Aram Sargsyan"), ("Աննա Հակոբյան", "Анна Акопян", "Anna Hakobyan"),
    ("Կարեն Հովհաննիսյան", "Карен Оганесян", "Karen Hovhannisyan"), ("Գոռ Պետրոսյան", "Гор Петросян", "Gor Petrosyan"),
)  # fmt: skip

_WESTERN_FIRST: Final = (
    ("Jürgen", "Юрген"), ("Jörg", "Йорг"), ("Björn", "Бьёрн"), ("Günter", "Гюнтер"), ("Käthe", "Кете"), ("Ute", "Уте"),
    ("Søren", "Сёрен"), ("Göran", "Гёран"), ("Łukasz", "Лукаш"), ("Stanisław", "Станислав"), ("Wojciech", "Войцех"),
    ("Małgorzata", "Малгожата"), ("Agnieszka", "Агнешка"), ("Zdzisława", "Здзислава"), ("Jiří", "Иржи"), ("Tomáš", "Томаш"),
)  # fmt: skip
_WESTERN_SURNAMES: Final = (
    ("Müller", "Мюллер"), ("Weiß", "Вайс"), ("Groß", "Гросс"), ("Schröder", "Шрёдер"), ("Köhler", "Кёлер"), ("Krüger", "Крюгер"),
    ("Schäfer", "Шефер"), ("Neumann", "Нойман"), ("Böhm", "Бём"), ("Jørgensen", "Йёргенсен"), ("Bäckström", "Бекстрём"),
    ("Wałęsa", "Валенса"), ("Michałowski", "Михаловский"), ("Brzeziński", "Бжезинский"), ("Dąbrowski", "Домбровский"),
    ("Kołodziej", "Колодзей"), ("Dvořák", "Дворжак"), ("Šimek", "Шимек"),
)  # fmt: skip


def _western(draw: random.Random) -> Person:
    """A German, Scandinavian, Pole or Czech: in their own letters, without the signs, with two letters for one, in Russian."""
    first, surname = draw.choice(_WESTERN_FIRST), draw.choice(_WESTERN_SURNAMES)
    name, known = f"{first[0]} {surname[0]}", f"{first[1]} {surname[1]}"
    pairs = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "ł": "l", "Ł": "L"}
    signs = unicodedata.normalize("NFD", name.translate(str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "Ł": "L"})))
    spellings = {
        "own letters": name,
        "surname first": f"{surname[0].upper()} {first[0]}",
        "two letters for one": _without_signs(unicodedata.normalize("NFD", name.translate(str.maketrans(pairs)))),
        "without signs": _without_signs(signs),
        "western, in Russian": known,
        "western, е for ё": known.replace("ё", "е"),
    }
    return Person((first[1], surname[1]), spellings)


def _without_signs(text: str) -> str:
    return "".join(letter for letter in text if not unicodedata.combining(letter))


def _feminine(surname: str) -> str:
    if surname.endswith(("ий", "ой", "ый")):
        return surname[:-2] + "ая"
    return surname + "а" if surname.endswith(("ов", "ев", "ёв", "ин", "ын")) else surname


def _russian(draw: random.Random) -> Person:
    woman = draw.random() < 0.5
    first, surname = draw.choice(_WOMEN if woman else _MEN), draw.choice(_SURNAMES)
    if woman:
        surname = _feminine(surname)
    name, patronymic = f"{first} {surname}", draw.choice(_PATRONYMICS["f" if woman else "m"])
    spellings = {
        "as written": name,
        "surname first": f"{surname.upper()} {first}",
        "with patronymic": f"{surname} {first} {patronymic}",
        "patronymic in the middle": f"{first} {patronymic} {surname}",
        "е for ё": name.replace("ё", "е").replace("Ё", "Е"),
        "patronymic, passport": _latin(f"{surname} {first} {patronymic}", "ICAO, GOST passport"),
        **{system: _latin(name, system) for system in _SYSTEMS},
    }
    spellings["x for ks"] = spellings["former passport"].replace("ks", "x")
    spellings["hacek lost"] = _without_hacek(spellings["scholarly"])
    spellings["doubled letters"] = spellings["former passport"].replace("l", "ll").replace("s", "ss")
    return Person((first, surname), spellings)


def _two_languages(draw: random.Random, names: list[str], surnames: list[str], language: str) -> Person:
    own, russian = draw.choice(names).split("/")
    own_surname, russian_surname = draw.choice(surnames).split("/")
    woman = russian[-1] in "ая" and russian not in {"Илья", "Никита"}
    if woman and russian_surname.endswith("ий"):
        russian_surname, own_surname = russian_surname[:-2] + "ая", own_surname.removesuffix("й")[:-1]
        own_surname += "ая" if language == "be" else "а"
    elif woman and russian_surname.endswith(("ов", "ев")):
        russian_surname, own_surname = f"{russian_surname}а", f"{own_surname[:-1]}ва"
    name, known = f"{own} {own_surname}", f"{russian} {russian_surname}"
    spellings = {"in Russian": known, "as written": name, "surname first": f"{russian_surname} {russian}"}
    if language == "be":
        national, lacinka = _belarusian_national(name), _lacinka(name)
        spellings |= {"Belarusian national": national, "lacinka": lacinka, "hacek lost": _without_hacek(lacinka)}
    elif language == "uk":
        spellings["Ukrainian national"] = _ukrainian_national(name)
    else:
        spellings["Georgian national"] = " ".join(
            "".join(_GEORGIAN[one] for one in w).capitalize() for w in name.split()
        )
    for system in ("ICAO, GOST passport", "former passport", "German newspaper", "Polish newspaper"):
        spellings[system] = _latin(known, system)
    return Person((russian, russian_surname), spellings)


def _eastern(draw: random.Random) -> Person:
    first, surname = draw.choice(_EASTERN), draw.choice(_EASTERN)
    forms = [f"{one.split()[0]} {other.split()[1]}" for one, other in zip(first, surname, strict=True)]
    known = forms[1]
    spellings = {"in Russian": known, "as written": forms[0], "passport": forms[2]}
    for system in ("ICAO, GOST passport", "ISO 9", "German newspaper", "Polish newspaper"):
        spellings[system] = _latin(known, system)
    return Person((known.split()[0], known.split()[1]), spellings)


def people(count: int = 2000) -> list[Person]:
    """So many made-up people, always the same ones: half Russians, a quarter Belarusians, the others from elsewhere."""
    draw = random.Random(19)
    made = []
    for place in range(count):
        of_twenty = place % 20
        if of_twenty < 10:
            made.append(_russian(draw))
        elif of_twenty < 15:
            made.append(_two_languages(draw, _BELARUSIANS, _BELARUSIAN_SURNAMES, "be"))
        elif of_twenty < 17:
            made.append(_two_languages(draw, _UKRAINIANS, _UKRAINIAN_SURNAMES, "uk"))
        elif of_twenty < 18:
            made.append(_two_languages(draw, _GEORGIANS, _GEORGIAN_SURNAMES, "ka"))
        elif of_twenty < 19:
            made.append(_eastern(draw))
        else:
            made.append(_western(draw))
    return made
