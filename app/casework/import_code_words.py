"""The names of codes in all languages, by which a cell of an imported list is read. Pure."""

from functools import lru_cache

from babel import Locale

from app.core.i18n import LANGUAGES
from app.directory.packs import Directory
from app.intake.vocabulary import CHANNELS, FOR_WHOM, GROUPS, HELPS, HOW_SOON, STATUSES
from app.matching.code_names import CodeNames


class CodeWords:
    """The names of codes in all languages, to find the code that a cell means."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        readers = [CodeNames(language, directory) for language in LANGUAGES]
        vocabularies = {
            "how_soon": HOW_SOON, "for_whom": FOR_WHOM, "status": STATUSES, "groups": GROUPS, "helps": HELPS, "channel": CHANNELS,
        }  # fmt: skip
        self._codes: dict[str, dict[str, str]] = {
            name: {
                word: code
                for code, label in vocabulary.items()
                for word in (code, *(plain(reader.text(label)) for reader in readers))
            }
            for name, vocabulary in vocabularies.items()
        }
        self._codes["needs"] = {
            word: need.id
            for need in directory.needs
            for word in (need.id, *(plain(reader.text(need.label)) for reader in readers))
        }
        self._codes["country"] = _territories()
        self._codes["nationality"] = self._codes["country"]
        self._codes["speak"] = _languages()
        self._codes["centres"] = {
            word: organisation.id
            for organisation in directory.organisations
            for word in (organisation.id, *map(plain, filter(None, organisation.name.model_dump().values())))
        }
        self._codes["never"] = self._codes["centres"]

    def code(self, column: str, text: str) -> str | None:
        """The code that a cell of this column means; None if there is no such code."""
        return self._codes[column].get(plain(text))

    def region(self, country: str, text: str) -> str | None:
        """The code of a region of this country, by its code or one of its names."""
        if not self._directory.has_country(country):
            return None
        for code, region in self._directory.country(country).regions.items():
            if plain(text) in {
                code.lower(),
                code.lower().partition("-")[2],
                plain(region.local),
                plain(region.en or ""),
            }:
                return code
        return None


def plain(text: str) -> str:
    """A cell or a name as it is compared: without regard to spaces, capitals and a full stop at the end."""
    return " ".join(text.split()).rstrip(".").casefold()


@lru_cache
def _territories() -> dict[str, str]:
    codes: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha():
                codes.setdefault(plain(name), code)
                codes.setdefault(code.lower(), code)
    return codes


@lru_cache
def _languages() -> dict[str, str]:
    codes: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).languages.items():
            if len(code) in {2, 3} and code.isalpha():
                codes.setdefault(plain(name), code)
                codes.setdefault(code, code)
    return codes
