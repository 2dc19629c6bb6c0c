"""Why a list cannot be read, as `app.client.list_files` says it: marked here for translation, because the client stands alone."""

from typing import Final

from app.core.i18n import N_

LIST_FAULTS: Final = frozenset(
    {
        N_("it is longer than {megabytes} MB"),
        N_("it is empty"),
        N_("it is a file of an old or encrypted Excel: save it as XLSX without a password, or as CSV"),
        N_("it is neither XLSX nor CSV: save the list as one of these"),
        N_("it has more than {columns} columns"),
        N_("it has more than {rows} rows with the headings: divide it"),
        N_("it is neither XLSX nor text: save it as XLSX, or as CSV in UTF-8"),
        N_("its letters cannot be told for certain: save it as XLSX, or as CSV in UTF-8"),
        N_("its cells cannot be told apart: save it as XLSX, or as CSV in UTF-8"),
        N_("a quotation mark in row {row} is not closed, so the rows below it are part of its cell"),
        N_("it is no XLSX file: save the list as XLSX, or as CSV in UTF-8"),
        N_("unpacked, it is longer than {megabytes} MB"),
        N_("it is damaged or encrypted: save the list again, without a password"),
        N_("it has rows below row {row}: delete them, also if they look empty"),
    }
)
"""A test compares them with what `list_files` raises."""
