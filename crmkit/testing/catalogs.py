"""Catalogs of a package: `check_catalogs` proves that what people read is extracted, translated and compiled.

`python -m crmkit.testing.catalogs FOLDER DOMAIN LANGUAGE` brings them up to date and names what is not translated yet.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

__all__ = ["check_catalogs", "update_catalogs"]


def check_catalogs(package: Path, domain: str, language: str) -> None:
    """Fail if a text in the code is in no catalog, is not translated, or is not compiled; needs Babel.

    `package` is the folder of the package; its catalogs are `locale/DOMAIN.pot` and
    `locale/LANGUAGE/LC_MESSAGES/DOMAIN.po` and `.mo`, and `locale/babel.cfg` says where texts are.
    """
    from babel.messages.mofile import read_mo, write_mo
    from babel.messages.pofile import read_po

    locale = package / "locale"
    folder = locale / language / "LC_MESSAGES"
    found = _extracted(package)
    with (folder / f"{domain}.po").open("rb") as file:
        translated = read_po(file)
    with (locale / f"{domain}.pot").open("rb") as file:
        template = read_po(file)
    assert {str(each.id) for each in template if each.id} == found
    assert {str(each.id) for each in translated if each.id} == found
    for message in translated:
        assert message.string, message.id
        assert not message.fuzzy, message.id
        both = (re.findall(r"{\w*}", str(text)) for text in (message.id, message.string))
        assert len({tuple(sorted(each)) for each in both}) == 1, message.id
    compiled = io.BytesIO()
    write_mo(compiled, translated)
    compiled.seek(0)
    with (folder / f"{domain}.mo").open("rb") as file:
        old, new = read_mo(file), read_mo(compiled)
    assert {m.id: m.string for m in old if m.id} == {m.id: m.string for m in new if m.id}


def update_catalogs(package: Path, domain: str, language: str) -> list[str]:
    """Write the catalogs anew: texts of the code with the translations there are; returns those without one.

    The folder `locale` with its `babel.cfg` must be there; the catalogs need not. Texts that are gone from the code go
    from the catalogs. Needs Babel.
    """
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po, write_po

    folder = package / "locale" / language / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{domain}.po"
    old = Catalog(language)
    if path.exists():
        with path.open("rb") as file:
            old = read_po(file, language)
    template, translated = Catalog(), Catalog(language, project=domain.replace("_", "-"))
    for text in sorted(_extracted(package)):
        template.add(text)
        known = old.get(text)
        translated.add(text, known.string if known else "")
    with (package / "locale" / f"{domain}.pot").open("wb") as file:
        write_po(file, template, width=0, omit_header=True, sort_output=True)
    with path.open("wb") as file:
        file.write(_HEADER.format(project=domain.replace("_", "-"), language=language).encode())
        write_po(file, translated, width=0, omit_header=True, sort_output=True)
    with path.open("rb") as file, path.with_suffix(".mo").open("wb") as compiled:
        write_mo(compiled, read_po(file, language))
    return [str(each.id) for each in translated if each.id and not each.string]


_HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: {project}\\n"
"Language: {language}\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def _extracted(package: Path) -> set[str]:
    from babel.messages.extract import extract_from_dir
    from babel.messages.frontend import parse_mapping_cfg

    with (package / "locale" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file, "babel.cfg")  # type: ignore[no-untyped-call]
    return {str(row[2]) for row in extract_from_dir(package, methods, options)}


if __name__ == "__main__":
    for missing in update_catalogs(Path(sys.argv[1]), *sys.argv[2:]):
        print(missing)
