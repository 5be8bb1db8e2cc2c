"""The catalogs: what people read is extracted, translated and compiled."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

import crmkit
from crmkit.cli.language import Language, Word, locale_language
from crmkit.cli.root import COMMANDS
from crmkit.declarations import read_kind
from crmkit.kinds import CORE_KINDS

PACKAGE = Path(crmkit.__file__).parent
LOCALE = PACKAGE / "locale"
KOREAN = LOCALE / "ko" / "LC_MESSAGES"


def catalog(file: Path) -> Catalog:
    with file.open("rb") as opened:
        return read_po(opened)


def texts(found: Catalog) -> set[str]:
    return {str(message.id) for message in found if message.id}


def extracted() -> set[str]:
    with (LOCALE / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file, "babel.cfg")  # type: ignore[no-untyped-call]
    return {str(row[2]) for row in extract_from_dir(PACKAGE, methods, options)}


def test_the_catalogs_have_what_the_code_says() -> None:
    found = extracted()

    assert texts(catalog(LOCALE / "crmkit.pot")) == found
    assert texts(catalog(KOREAN / "crmkit.po")) == found


def test_labels_of_the_core_and_summaries_of_commands_are_extracted() -> None:
    kinds = list(map(read_kind, CORE_KINDS))
    labels = {kind.label for kind in kinds} | {f.label for k in kinds for f in k.fields.values()}

    assert labels <= extracted()
    assert {summary for _, summary in COMMANDS.values()} <= extracted()


def test_everything_is_translated() -> None:
    for message in catalog(KOREAN / "crmkit.po"):
        assert message.string, message.id
        assert not message.fuzzy, message.id
        english, korean = (re.findall(r"{\w*}", str(t)) for t in (message.id, message.string))
        assert english == korean, message.id


def test_the_compiled_catalog_is_that_of_the_source() -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalog(KOREAN / "crmkit.po"))
    compiled.seek(0)

    with (KOREAN / "crmkit.mo").open("rb") as committed:
        old, new = read_mo(committed), read_mo(compiled)
    assert {m.id: m.string for m in old if m.id} == {m.id: m.string for m in new if m.id}


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
