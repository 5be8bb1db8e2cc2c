"""Catalogs of a package: `check_catalogs` proves that what people read is extracted, translated and compiled."""

from __future__ import annotations

import io
import re
from pathlib import Path

__all__ = ["check_catalogs"]


def check_catalogs(package: Path, domain: str, language: str) -> None:
    """Fail if a text in the code is in no catalog, is not translated, or is not compiled; needs Babel.

    `package` is the folder of the package; its catalogs are `locale/DOMAIN.pot` and
    `locale/LANGUAGE/LC_MESSAGES/DOMAIN.po` and `.mo`, and `locale/babel.cfg` says where texts are.
    """
    from babel.messages.extract import extract_from_dir
    from babel.messages.frontend import parse_mapping_cfg
    from babel.messages.mofile import read_mo, write_mo
    from babel.messages.pofile import read_po

    locale = package / "locale"
    folder = locale / language / "LC_MESSAGES"
    with (locale / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file, "babel.cfg")  # type: ignore[no-untyped-call]
    found = {str(row[2]) for row in extract_from_dir(package, methods, options)}
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
