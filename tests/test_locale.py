"""The catalogs: what people read is extracted, translated and compiled."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

import crmkit
from crmkit.cli.language import Language, Word, locale_language
from crmkit.cli.root import COMMANDS
from crmkit.declarations import read_kind
from crmkit.kinds import CORE_KINDS
from crmkit.testing.catalogs import check_catalogs

PACKAGE = Path(crmkit.__file__).parent
LOCALE = PACKAGE / "locale"


def extracted() -> set[str]:
    with (LOCALE / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file, "babel.cfg")  # type: ignore[no-untyped-call]
    return {str(row[2]) for row in extract_from_dir(PACKAGE, methods, options)}


def test_the_catalogs_are_whole() -> None:
    check_catalogs(PACKAGE, "crmkit", "ko")


def test_labels_of_the_core_and_summaries_of_commands_are_extracted() -> None:
    kinds = list(map(read_kind, CORE_KINDS))
    labels = {kind.label for kind in kinds} | {f.label for k in kinds for f in k.fields.values()}

    assert labels <= extracted()
    assert {summary for _, summary in COMMANDS.values()} <= extracted()


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "ko"}, "ko"),
        ({"LANG": "C.UTF-8"}, None),
        ({"LANG": "fr_FR.UTF-8"}, None),
        ({"LC_ALL": "", "LANG": "ko"}, "ko"),
        ({}, None),
    ],
)
def test_the_locale_names_a_language(environ: dict[str, str], language: str | None) -> None:
    assert locale_language(environ) == language


def test_a_text_that_is_in_no_catalog_stays() -> None:
    assert Language("ko")("Customer") == "고객"
    assert Language("ko")("Nowhere") == "Nowhere"
    assert Language("en")("Customer") == "Customer"
    assert Language("ko")("Customer", "no_such_package") == "고객"
    assert Language("ko")("") == ""


def test_a_word_is_text_to_scripts() -> None:
    assert Word("ok") == "ok"
