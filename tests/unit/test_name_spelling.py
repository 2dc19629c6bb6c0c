"""Names are recognised in their usual spellings; the figures are those of docs/matching.md."""

import itertools
from collections import defaultdict
from pathlib import Path

import pytest

from app.core import identifiers
from app.core.name_spelling import name_keys
from tests.support.spelled_people import people


def alike(one: str, other: str) -> bool:
    return bool(set(name_keys(one)) & set(name_keys(other)))


def test_spellings_of_one_person_are_recognised_and_unlike_people_are_not() -> None:
    everybody = people()
    assert len(everybody) == 2000
    tried, found, all_pairs, all_found = defaultdict[str, int](int), defaultdict[str, int](int), 0, 0
    whose = defaultdict[str, set[int]](set)
    for place, person in enumerate(everybody):
        keys = {system: set(name_keys(written)) for system, written in person.spellings.items()}
        usual, *others = keys
        for system in others:
            tried[system] += 1
            found[system] += bool(keys[usual] & keys[system])
        for one, other in itertools.combinations(keys.values(), 2):
            all_pairs, all_found = all_pairs + 1, all_found + bool(one & other)
        for key in set().union(*keys.values()):
            whose[key].add(place)
    false = {
        pair
        for places in whose.values()
        for pair in itertools.combinations(sorted(places), 2)
        if everybody[pair[0]].identity != everybody[pair[1]].identity
    }
    recall = {system: found[system] / tried[system] for system in tried}
    assert min(recall.values()) >= 0.95, recall
    every, pairs, wrong = (
        sum(found.values()) / sum(tried.values()),
        all_found / all_pairs,
        len(false) / (2000 * 1999 / 2),
    )
    assert every >= 0.98
    assert pairs >= 0.98
    assert wrong <= 1 / 10_000
    figures = [f"{share * 100:.1f} % |" for share in (every, min(recall.values()), pairs)]
    figures += [f"{wrong * 10_000:.2f} in 10,000 |", f"{sum(tried.values()):,} spellings"]
    text = (Path(__file__).parents[2] / "docs/matching.md").read_text(encoding="utf-8")
    measured = text[text.index("### How well names are recognised") : text.index("## The workbench")]
    for figure in figures:
        assert figure in measured, f"docs/matching.md does not say {figure}"


@pytest.mark.parametrize(
    "spellings",
    [
        "Светлана Демидовская | Sviatlana Dzemidouskaya | Swjatlana Demidowskaja | Святлана Дзямідоўская",
        "Тихановская Вера | Vera Tsikhanouskaya | Wera Tichanowskaja | Wera Cichanouska | Вера Ціханоўская | Vera Tihanovskaâ",
        "Пётр Петрович Иванов | Пётр Иванов | Иванов Петр | Piotr Iwanow | Pjotr Iwanow | Piatro Ivanou | IVANOV PETR PETROVICH",
        "Александр Кузнецов | Alexander Kusnezow | Aleksandr Kuznecov | Aliaksandr Kuzniatsou | Олександр Кузнєцов",
        "Беляцкий Егор | Yahor Bialiatski | Jegor Bjaljazki | Jahor Bielacki | Ягор Бяляцкі",
        "Рустам Алиев | Рөстәм Әлиев | Rüstəm Əliyev | Rustam Aliyev",
        "Нино Бурджанадзе | ნინო ბურჯანაძე | Nino Burjanadze | Nino Burdschanadse | Nino Burdżanadze",
        "Арам Саркисян | Արամ Սարգսյան | Aram Sargsyan | Aram Sarkisyan",
        "Давид Ованнисян | Դավիթ Հովհաննիսյան | Davit Hovhannisyan | David Oganesyan",
        "Анжелика Орехова | Анжеліка Орехова | Anzhelika Orekhova | Angelika Orechowa",
        "Рашид Рустам оглы Мамедов | Rəşid Məmmədov | Mamedov Rashid | Məmmədov Rəşid Rüstəm oğlu",
        "Žukauskas Jonas | Zukauskas Jonas | Zhukauskas Jonas | Йонас Жукаускас",
        "Jürgen Müller | Juergen Mueller | Jurgen Muller | Jurgen Mueller | Юрген Мюллер",
        "Günther Weiß | Guenther Weiss | Gunther WEISS | Гюнтер Вайс",
        "Jörg Köhler | Joerg Koehler | Jorg Kohler | Йорг Кёлер | Йорг Келер",
        "Søren Jørgensen | Soeren Joergensen | Soren Jorgensen | Сёрен Йёргенсен",
        "Åsa Bäckström | Aasa Baeckstroem | Asa Backstrom",
        "Łukasz Michałowski | Lukasz Michalowski | Лукаш Михаловский",
        "Krzysztof Grzegorzewski | Кшиштоф Гжегожевский",
        "Stanisław Wałęsa | Stanislaw Walesa | Stanislaw WALESA",
        "Stanisław Wałęsa | Станислав Валенса",
        "Malgorzata Kowalska | Małgorzata Kowalska | Малгожата Ковальская",
        "Anna Neumann | Анна Нойманн | Анна Нойман",
        "Manuel Grün | Manuel Gruen | Мануэль Грюн",
        "Илья Яшин | Ilia Iachine | Ilja Jaschin",
        "Жанна Жданова | Janna Jdanova | Zhanna Zhdanova",
        "Ксения Максимова | Kseniia Maximova | Xenia Maksimova | Ксенія Максімава",
    ],
)
def test_one_person_in_several_spellings(spellings: str) -> None:
    usual, *others = spellings.split(" | ")
    assert [other for other in others if not alike(usual, other)] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Иван Петров", "Пётр Иванов"), ("Анна Иванова", "Инна Иванова"), ("Анна Иванова", "Яна Иванова"),
        ("Олег Попов", "Ольга Попова"),
        ("Иван Сидоров", "Иван Федоров"), ("Мария Котова", "Марина Котова"), ("Иван Римский-Корсаков", "Пётр Римский-Корсаков"),
        ("Jürgen Müller", "Jürgen Miller"), ("Hans Bauer", "Hans Baur"), ("Eva Weiß", "Eva Weiser"),
        ("李 明", "王 明"), ("علی رضایی", "حسن رضایی"),
    ],
)  # fmt: skip
def test_unlike_people_stay_apart(one: str, other: str) -> None:
    assert not alike(one, other)


def test_letters_that_have_no_rule_are_kept_and_a_first_name_alone_has_no_key() -> None:
    assert name_keys("علی رضایی") == name_keys("رضایی علی") != []
    assert [name_keys(text) for text in ("Анна", "Анна И.", "", "!!!", "Анна Анна")] == [[]] * 5
    assert len(name_keys("Jacques Chaix Cichocki Xaxajcq")) <= 16


def test_keys_made_before_umlauts_were_joined_are_still_made() -> None:
    """A key that is taken away would lose what was hashed with it: more keys keep the form."""
    before = {
        "Jürgen Müller": {"mular surhan", "mular urhan"},
        "Juergen Mueller": {"mualar suarhan", "mualar uarhan"},
        "Jörg Köhler": {"arh kahlar", "arh kuhlar", "kahlar urh", "kuhlar urh"},
        "Stanisław Wałęsa": {"stanislav valasa"},
        "Tomáš Dvořák": {"dvarak tamas"},
    }
    assert {name: keys - set(name_keys(name)) for name, keys in before.items()} == {name: set() for name in before}


def test_both_forms_of_a_name_are_compared_and_an_address_keeps_its_form() -> None:
    made = identifiers.names("Анна Иванова")
    assert identifiers.name("Анна Иванова") in made, "what was hashed before is found until it is deleted"
    assert {one.form for one in made} == {"1", "2"}
    assert [one.canonical() for one in identifiers.phones("+48600100200", "PL")] == [b"1:phone:+48600100200"]
