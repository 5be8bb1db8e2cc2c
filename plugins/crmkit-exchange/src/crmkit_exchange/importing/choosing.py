"""Choosing how a file's rows become records: a preset that fits, else what its columns look like; then what was said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from crmkit import CRM, Customer, Field, Handle, Kind, QueryError, Reader, ValueRefused, where
from crmkit.errors import nearest
from crmkit_exchange.dates import Orders
from crmkit_exchange.formats.items import FileRefused, Source
from crmkit_exchange.guessing import Guess, guess
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.importing.rows import spelt
from crmkit_exchange.importing.said import same_for_all, with_same_names
from crmkit_exchange.kinds import ExternalId
from crmkit_exchange.presets.fields import ImportFields, Said
from crmkit_exchange.presets.known import PRESETS, recognised
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import Column, Items, Joined, Value

__all__ = ["CHANNELS", "all_presets", "chosen", "linked"]

SAMPLE = 1000
"""How many rows are looked at to find out what a column holds."""
CHANNELS = ("email", "phone", "mobile", "fax", "web")
"""The channels that `--map COLUMN=email` and the like mean."""
_COMPANIES = re.compile(
    "compan|organi[sz]ation|business|account|회사|업체|기업|상호|거래처|기관|법인|단체|학교|도서관|병원",
    re.I,
)
"""What a column of names, or a file, is called whose rows are organizations."""
UNKNOWN = "file"
"""The source of ids from files that no preset knows; their object is the file's name."""


def all_presets(crm: CRM) -> list[Preset]:
    """Every preset; a plugin's goes before one of ours of that name."""
    brought = crm.plugins.merged("crm_import_presets", Preset, key=lambda item, _: item.name)
    theirs = {name: preset for name, (preset, _) in brought.items()}
    return [*theirs.values(), *(each for each in PRESETS if each.name not in theirs)]


def chosen(
    crm: Handle,
    presets: Sequence[Preset],
    fields: Mapping[str, ImportFields],
    source: Source,
    name: str,
    options: ImportOptions,
) -> Preset:
    """The preset for a file, with what was said in place of what was found; raises `FileRefused`.

    `fields` are those that kinds have in files only, by kind.
    """
    columns = _columns(source)
    found = _found(crm, presets, source, name, options, columns)
    found = attrs.evolve(found, source=options.source) if options.source else found
    if options.kind and found.kind is not None and _kind_of(found) != options.kind:
        found = attrs.evolve(found, kind=options.kind)
    found = _told(crm, found, fields.get(_kind_of(found)), columns, name, options)
    for key in options.keys:
        _spelling(columns, key, name)
    if options.keys:
        found = attrs.evolve(found, key=None)
    return found


def _kind_of(preset: Preset) -> str:
    return (
        preset.kind if isinstance(preset.kind, str) else preset.kind.__kind__ if preset.kind else ""
    )


def _columns(source: Source) -> tuple[str, ...]:
    """The columns of the file; of objects and cards those of the first ones."""
    if source.columns:
        return source.columns
    found: dict[str, None] = {}
    for item in islice(source.items(), SAMPLE):
        found |= dict.fromkeys(item.values)
    return tuple(found)


def _found(
    crm: Handle,
    presets: Sequence[Preset],
    source: Source,
    name: str,
    options: ImportOptions,
    columns: tuple[str, ...],
) -> Preset:
    if options.preset:
        named = {each.name: each for each in presets}
        if options.preset not in named:
            hint = nearest(options.preset, named) or "; `crm imports presets` lists them"
            raise FileRefused(f"there is no preset {options.preset!r}{hint}")
        return named[options.preset]
    own = {"vcard": "vcard", "mail": "mail"}.get(source.format)
    if own:
        return next(each for each in presets if each.name == own)
    fitting = recognised(presets, columns, source.within, name) if not options.kind else None
    return fitting or _guessed(crm, source, name, options, columns)


# Files that nobody knows ---------------------------------------------------------------------------------------


def _guessed(
    crm: Handle, source: Source, name: str, options: ImportOptions, columns: tuple[str, ...]
) -> Preset:
    sample = [each.values for each in islice(source.items(), SAMPLE) if not each.problem]
    region, wanted = options.region or crm.company.region, options.kind or "customer"
    told = guess(columns, sample, region, wanted)
    kind = options.kind or told.kind
    if kind is None and not options.maps:
        raise FileRefused(
            f"{name}: none of its columns ({_listed(columns)}) looks like a name, an e-mail address or a telephone "
            "number; say what they are with --map COLUMN=FIELD, and --kind KIND if they are no customers"
        )
    made = Preset(
        name="guess",
        source=UNKNOWN,
        object=_stem(name),
        label=name,
        kind=kind or Customer,
        timezone=None,
    )
    made = _with_guess(made, told) if told.kind == _kind_of(made) else made
    return _with_same_names(crm, made, columns, sample)


def _with_same_names(
    crm: Handle, preset: Preset, columns: Sequence[str], sample: Sequence[Mapping[str, Any]]
) -> Preset:
    """The preset with columns that are called just as a field is, where their values are such: people's exports."""
    kind = crm.schema[_kind_of(preset)]
    fields, references = dict(preset.fields), dict(preset.references)
    for name in columns:
        field = kind.fields.get(name)
        if field is None or name in {*fields, *references, *preset.columns}:
            continue
        if field.refers_to:
            references[name] = Reference(name, ())
        elif all(_is_of(field, each.get(name)) for each in sample):
            fields[name] = Items(name) if field.type.name == "items" else Column(name)
    return attrs.evolve(preset, fields=fields, references=references)


def _is_of(field: Field, given: Any) -> bool:
    """Whether a value of a file is one that a field takes; what is not there may be."""
    if given in (None, ""):
        return True
    if field.type.name in {"date", "datetime"}:
        seen = Orders(field.name)
        seen.feed(str(given))
        return bool(seen.fits["ymd"])
    try:
        field.type.parse(str(given))
    except ValueRefused:
        return False
    return True


def _with_guess(preset: Preset, told: Guess) -> Preset:
    """The preset with what was guessed for its kind."""
    fields: dict[str, Value] = {}
    plain = dict(told.fields)
    names = [plain.pop(each, None) for each in ("given", "family")]
    if any(names) and "name" not in plain:
        fields["name"] = Joined([each for each in names if each], family=names[1])
    organization = plain.pop("organization", None)
    for path, column in plain.items():
        fields[path] = Items(column) if path == "tags" else Column(column)
    references = {"organization_id": Reference(organization, ())} if organization else {}
    name = told.fields.get("name", "")
    are_companies = _COMPANIES.search(name) or (
        not organization and _COMPANIES.search(preset.object)
    )
    return attrs.evolve(
        preset,
        fields=fields,
        addresses=told.addresses,
        key=told.external_id,
        references=references,
        constants={"type": "organization"} if are_companies and "type" not in fields else {},
    )


def _stem(name: str) -> str:
    """What a file is called without the parts that differ from one export to the next: dates, counts, the ending."""
    stem = re.sub(r"[\s_.-]*(\(\d+\)|\d{4}[-_.]?\d\d[-_.]?\d\d|\d{6,})", "", Path(name).stem)
    return stem.strip(" _.-") or "rows"


def _listed(columns: Iterable[str]) -> str:
    names = list(columns)
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


# What was said -------------------------------------------------------------------------------------------------


def _spelling(columns: tuple[str, ...], column: str, name: str) -> str:
    found = spelt(columns, column)
    if not found:
        raise FileRefused(f"{name} has no column {column!r}{_hint(column, columns)}")
    return found[0]


def _hint(column: str, columns: tuple[str, ...]) -> str:
    return nearest(column, columns) or f"; it has {_listed(columns)}"


def _told(
    crm: Handle,
    preset: Preset,
    extra: ImportFields | None,
    columns: tuple[str, ...],
    name: str,
    options: ImportOptions,
) -> Preset:
    """The preset with every column mapped as was said, those to fields that the kind has in files only as well."""
    names = extra.fields if extra else {}
    said = dict(same_for_all(names, options.sets))
    for column, target in options.maps:
        there = _spelling(columns, column, name)
        preset = _without(preset, {there, *_alike(preset, columns, there)})
        path, _, object = target.partition("@")
        if path in names:
            said[path] = Said(Column(there), object)
        else:
            preset = _mapped(crm, preset, there, target, name, names)
    if extra is None or (preset.signatures and not said):
        return preset
    if not preset.signatures:
        said = with_same_names(said, names, columns, options)
    preset = _without(preset, {each for one in said.values() for each in one.value.columns})
    return extra.applied(crm, preset, said)


def _mapped(
    crm: Handle, preset: Preset, there: str, target: str, name: str, others: Iterable[str]
) -> Preset:
    """The preset with a column, which it does not use, mapped to a field, a channel, the id, or to nothing (`-`).

    `others` are the fields that `--map` may say besides.
    """
    kind = crm.schema[_kind_of(preset)]
    if target == "-":
        return preset
    if target == "id":
        return attrs.evolve(preset, key=there)
    channel = target.removeprefix("@")
    if kind.name == "customer" and (target.startswith("@") or channel in CHANNELS):
        given = (*preset.addresses.get(channel, ()), there)
        return attrs.evolve(preset, addresses={**preset.addresses, channel: given})
    path, _, object = target.partition("@")
    field = _field(kind, path, name, others)
    if field.refers_to:
        reference = Reference(there, (object,) if object else ())
        return attrs.evolve(preset, references={**preset.references, path: reference})
    value: Value = Items(there) if field.type.name == "items" else Column(there)
    return attrs.evolve(preset, fields={**preset.fields, path: value})


def _field(kind: Kind, path: str, name: str, others: Iterable[str]) -> Field:
    try:
        return kind.field(path)
    except QueryError as error:
        if path.startswith("custom."):
            raise FileRefused(
                f"{kind.name} has no field {path!r}; add it with `crm record custom_field add --on {kind.name} "
                f"--name {path.removeprefix('custom.')}`"
            ) from None
        if hint := nearest(path, others):
            raise FileRefused(
                f"--map for {name}: {kind.name} has no field {path!r}{hint}"
            ) from None
        raise FileRefused(f"--map for {name}: {error}") from None


def _alike(preset: Preset, columns: tuple[str, ...], there: str) -> set[str]:
    """How the preset spells a column."""
    return {each for each in preset.columns if spelt(columns, each)[:1] == (there,)}


def _without(preset: Preset, columns: set[str]) -> Preset:
    """The preset without what takes only these columns: a column that was mapped by hand is for that alone."""
    return attrs.evolve(
        preset,
        key=None if preset.key in columns else preset.key,
        fields={n: v for n, v in preset.fields.items() if not {*v.columns} <= columns},
        addresses={
            channel: rest
            for channel, names in preset.addresses.items()
            if (rest := tuple(each for each in names if each not in columns))
        },
        references={n: r for n, r in preset.references.items() if not {*r.columns} <= columns},
    )


def linked(crm: Reader, presets: Sequence[Preset]) -> list[Preset]:
    """The presets of files that are imported together, told what references without an object may lead to.

    That is every sort of thing of the source: what was imported before, and what these files bring.
    """
    return [_with_objects(crm, each, presets) for each in presets]


def _with_objects(crm: Reader, preset: Preset, presets: Sequence[Preset]) -> Preset:
    if all(each.object for each in preset.references.values()):
        return preset
    totals = crm.totals(ExternalId, where.source == preset.source, by="kind")
    together = [each.object for each in presets if each.source == preset.source]
    objects = tuple(dict.fromkeys([*together, *(str(each.group[0]) for each in totals)]))
    references: Mapping[str, Reference] = {
        path: each if each.object else attrs.evolve(each, object=_first(each.makes, objects))
        for path, each in preset.references.items()
    }
    return attrs.evolve(preset, references=references)


def _first(makes: str | Preset | None, objects: Iterable[str]) -> tuple[str, ...]:
    """The objects, one of them in front: what a reference makes is found again where it was put."""
    object = makes.object if isinstance(makes, Preset) else makes
    return tuple(dict.fromkeys([*([object] if object else []), *objects]))
