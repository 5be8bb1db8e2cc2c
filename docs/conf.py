"""How the documentation is built: `uv run sphinx-build -W -n -b html docs docs/_build/html`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import crmkit

project = "crmkit"
version = release = crmkit.__version__
language = "en"

extensions = ["myst_parser", "crmkit_reference"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "explanation/figures.md"]

html_theme = "furo"
html_title = "crmkit"
html_copy_source = False
html_show_sphinx = False
python_use_unqualified_type_names = True
add_module_names = False

nitpicky = True
# Types of the standard library, of attrs and pluggy, and type variables: their documentation is elsewhere.
nitpick_ignore_regex = [
    (
        "py:class",
        r"(typing\.|collections\.abc\.|contextlib\.)?(AbstractContextManager|ContextManager|Any|Callable|Iterable|Iterator"
        r"|Literal|Mapping|Sequence|Self|ModuleType|Path|Decimal|date|datetime|timedelta|threading.Event|frozenset|R|T|Writes|FieldOptions|Options|Adapters|Row)",
    ),
    (
        "py:class",
        r"(Action|Capability|Condition|Delta|Document|Fit|OnDelete|Op|Paths|Progress|Scope|Stamp|Page)",
    ),
    (
        "py:class",
        r"(Plugins|FieldType|Ref|StorageTransaction|Reads|Follow|PluginManager|Takes|Sight|Telling|Fit)",
    ),
]
