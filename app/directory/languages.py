"""The language in which a centre is written to."""

from app.core.i18n import LANGUAGES
from app.directory.packs import Directory


def language_of_centre(directory: Directory, slug: str) -> str:
    """The first language of the country whose pack lists the organisation, if our texts exist in it; else English."""
    code = directory.files.get(slug, "").split("/", maxsplit=1)[0].upper()
    language = directory.country(code).languages[0] if directory.has_country(code) else "en"
    return language if language in LANGUAGES else "en"
