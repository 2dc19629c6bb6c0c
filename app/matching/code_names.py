"""Names of codes in one language: needs, countries, languages, regions, statuses, groups."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from app.core.i18n import Translator, translator
from app.directory.catalogue import ACROSS
from app.directory.packs import Directory
from app.intake.vocabulary import GROUPS, STATUSES

_ELSEWHERE: Final = f"{ACROSS}-"
_AS_THEY_ARE: Final[Mapping[str, str]] = MappingProxyType({})


class CodeNames:
    """A translator that also knows our vocabularies. `reworded`: English sentences that this reader is told differently."""

    def __init__(self, language: str, directory: Directory, reworded: Mapping[str, str] = _AS_THEY_ARE) -> None:
        self.translator: Translator = translator(language).reworded(reworded)
        self._directory = directory
        self._kinds: dict[str, Callable[[str], str]] = {
            "need": self.need,
            "country": self.translator.country_name,
            "language": self.translator.language_name,
            "region": self.region,
            "status": lambda code: self.text(STATUSES[code]),
            "group": lambda code: self.text(GROUPS[code]),
        }

    def text(self, message: str, **params: object) -> str:
        return self.translator.text(message, **params)

    def names(self, kind: str, codes: Any) -> str:
        """The names of several codes of one kind, joined as a list in that language."""
        listed: Iterable[str] = [codes] if isinstance(codes, str) else codes
        return self.translator.listed([self.name(kind, code) for code in listed])

    def name(self, kind: str, code: str) -> str:
        return self._kinds[kind](code)

    def need(self, code: str) -> str:
        need = self._directory.need(code)
        return self.text(need.label) if need else code

    def region(self, code: str) -> str:
        """The region's own name; in Georgia followed by its Latin form. A country, where the regions are countries."""
        if code.startswith(_ELSEWHERE):
            return self.translator.country_name(code.removeprefix(_ELSEWHERE))
        for country in self._directory.countries:
            if code in country.regions:
                region = country.regions[code]
                if region.en and self.translator.language != "ka":
                    return f"{region.en} ({region.local})"
                return region.local
        return code
