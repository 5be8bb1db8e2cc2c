"""crm.toml: what it may say, how it is found, and how `crm plugin disable` edits it."""

import tomllib

import pytest

from crmkit.config import Company, Config, load_config, resolve_storage, set_disabled
from crmkit.errors import ConfigError

FULL = """\
storage = "sqlite:///acme.db?synchronous=normal"
plugins = ["sqlite", "./clinic"]
disabled = ["demo"]

[company]
name = "한빛전자"
region = "US"
timezone = "America/New_York"
currency = "USD"
language = "ko"

[plugin.clinic]
opens = 09:00:00
"""


@pytest.fixture
def toml(tmp_path, monkeypatch):
    monkeypatch.delenv("CRMKIT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "crm.toml"


def refusal(file, text):
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert str(file) in str(refused.value)
    return str(refused.value)


# ------------------------------------------------------------------------------------------------------------- reading


def test_without_a_file_the_defaults_are_a_company_in_korea(toml):
    config = load_config()

    assert config == Config()
    assert config.company == Company("", "KR", "Asia/Seoul", "KRW", None)
    assert config.plugins is None
    assert config.folder == toml.parent


def test_everything_in_the_file_is_read(toml):
    toml.write_text(FULL, "utf-8")

    config = load_config(toml)

    assert config.plugins == ("sqlite", "./clinic")
    assert config.disabled == ("demo",)
    assert config.company == Company("한빛전자", "US", "America/New_York", "USD", "ko")
    assert list(config.plugin) == ["clinic"]
    assert config.path == toml
    assert config.folder == toml.parent


def test_a_relative_database_is_beside_the_file_and_not_in_the_current_folder(toml):
    toml.write_text(FULL, "utf-8")
    assert load_config(toml).storage == f"sqlite:///{toml.parent}/acme.db?synchronous=normal"


@pytest.mark.parametrize("url", ["jsonl:///crm.jsonl", "sqlite:///sub/crm?synchronous=normal"])
def test_a_relative_file_of_any_storage_is_beside_the_file(url, tmp_path):
    scheme, path = url.split(":///")
    assert resolve_storage(url, tmp_path) == f"{scheme}:///{tmp_path}/{path}"


@pytest.mark.parametrize(
    "url",
    ["sqlite:////var/acme.db", "sqlite://", "sqlite:///:memory:", "postgresql:///acme", "memory:"],
)
def test_other_urls_stay_as_they_are(url, tmp_path):
    assert resolve_storage(url, tmp_path) == url


def test_the_nearest_file_above_the_current_folder_is_taken(toml, monkeypatch):
    deep = toml.parent / "a" / "b"
    deep.mkdir(parents=True)
    toml.write_text('storage = "memory:"')
    (deep.parent / "crm.toml").write_text('storage = "nearer:"')
    monkeypatch.chdir(deep)

    assert load_config().storage == "nearer:"


def test_the_environment_names_the_file_and_an_argument_wins(toml, monkeypatch):
    other = toml.parent / "other.toml"
    other.write_text('storage = "other:"')
    toml.write_text('storage = "memory:"')
    monkeypatch.setenv("CRMKIT_CONFIG", str(other))

    assert load_config().storage == "other:"
    assert load_config(toml).storage == "memory:"


def test_a_file_that_was_named_must_be_there(toml):
    with pytest.raises(ConfigError, match=r"crm.toml cannot be read: No such file"):
        load_config(toml)


def test_broken_toml_is_refused_with_its_line(toml):
    assert "line 2" in refusal(toml, 'storage = "x:"\nplugins = ?')
    toml.write_bytes(b'storage = "\xff"')
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(toml)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('storag = "memory:"', "unknown key 'storag'; did you mean 'storage'?"),
        ('path = "x"', "unknown key 'path'"),
        ('[company]\nregoin = "KR"', "company has an unknown key 'regoin'; did you mean 'region'?"),
        ("storage = 3", "storage is 3; write a text in quotes"),
        ('plugins = "sqlite"', "plugins is 'sqlite'; write a list"),
        ('plugins = ["sqlite", 3]', "plugins[1] is 3; write a text in quotes"),
        ("company = 3", "company is 3; write a table"),
        ("[plugin]\nclinic = 3", "plugin clinic is 3; write a table"),
        ('[company]\nlanguage = "fr"', "company language is 'fr'; write 'ko' or 'en'"),
        ('[company]\nregion = "Korea"', "region is 'Korea'; write it as in 'KR'"),
        ('[company]\ncurrency = "won"', "currency is 'won'; write it as in 'KRW'"),
        ('[company]\ntimezone = "Asia/Seol"', "'Asia/Seol' does not exist; did you mean"),
        ('[company]\ntimezone = "/etc/passwd"', "'/etc/passwd' does not exist"),
        ('[company]\ntimezone = ""', "'' does not exist"),
        ('[company]\ntimezone = "Asia"', "'Asia' does not exist"),
    ],
)
def test_what_is_misspelt_or_of_a_wrong_type_is_refused_by_name(toml, text, said):
    assert said in refusal(toml, text)


# ------------------------------------------------------------------------------------------------------------- editing

LAYOUTS = [
    FULL,
    FULL.replace("\n", "\r\n"),
    'storage = "memory:"  # no newline at the end',
    "# only a remark\n",
    "",
    '# Hanbit\n[company]\nname = "x"\n',
    'disabled = [ "a", # because ]\n  \'b\',\n]  # kept\nstorage = "memory:"\n',
    '  "disabled"=[]\n[plugin.x]\ndisabled = ["not this"]\n',
    '[plugin.x]\ndisabled = ["not this"]\n',
]


@pytest.mark.parametrize("text", LAYOUTS)
def test_disabling_changes_that_key_and_nothing_else(toml, text):
    toml.write_bytes(text.encode())
    before = tomllib.loads(text)

    set_disabled(toml, ["spa", "clinic"])

    assert tomllib.loads(toml.read_bytes().decode()) == before | {"disabled": ["clinic", "spa"]}
    assert sorted(path.name for path in toml.parent.iterdir()) == ["crm.toml"]


@pytest.mark.parametrize("text", LAYOUTS)
def test_the_rest_of_the_file_stays_byte_for_byte(toml, text):
    toml.write_bytes(text.encode())
    set_disabled(toml, ["x"])
    once = toml.read_bytes()
    set_disabled(toml, ["other"])
    set_disabled(toml, ["x"])

    assert toml.read_bytes() == once
    kept = [line for line in text.splitlines() if not line.startswith(("disabled", "  ", "]"))]
    lines = once.decode().splitlines()
    assert [line for line in lines if line in kept and line] == [line for line in kept if line]
    assert (b"\r\n" in once) == ("\r\n" in text)


def test_a_remark_after_the_list_is_kept(toml):
    toml.write_text('disabled = ["a"]  # spa is not ours\n')
    set_disabled(toml, [])
    assert toml.read_text() == "disabled = []  # spa is not ours\n"


def test_a_new_key_goes_before_the_first_table_and_its_remark(toml):
    toml.write_text('storage = "memory:"\n\n# who we are\n[company]\nname = "x"\n')
    set_disabled(toml, ["a"])
    assert toml.read_text() == (
        'storage = "memory:"\n\ndisabled = ["a"]\n\n# who we are\n[company]\nname = "x"\n'
    )


def test_a_missing_file_is_made(toml):
    set_disabled(toml, ["a"])
    assert load_config(toml).disabled == ("a",)


def test_a_link_and_its_permissions_are_kept(toml):
    target = toml.parent / "real.toml"
    target.write_text('storage = "memory:"\n')
    target.chmod(0o600)
    toml.symlink_to(target)

    set_disabled(toml, ["a"])

    assert toml.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    assert load_config(target).disabled == ("a",)


@pytest.mark.parametrize("text", ['disabled = "a"\n', 'storage = """\ndisabled = []\n"""\n'])
def test_a_file_that_only_a_person_can_edit_is_left_alone(toml, text):
    toml.write_text(text)
    with pytest.raises(ConfigError, match=r"write `disabled = \['a'\]` into it yourself"):
        set_disabled(toml, ["a"])
    assert toml.read_text() == text


def test_a_broken_file_is_not_edited(toml):
    toml.write_text("disabled = [")
    with pytest.raises(ConfigError, match="not valid TOML"):
        set_disabled(toml, ["a"])
    assert toml.read_text() == "disabled = ["


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("postgresql://kim@h/a", "postgresql://kim@h/a"),
        ("postgresql://kim:se@c/re:t@h:5432/a?x=1", "postgresql://kim@h:5432/a?x=1"),
        (
            "postgresql://h/a?password=secret&sslpassword=s&y=2",
            "postgresql://h/a?password=***&sslpassword=***&y=2",
        ),
    ],
)
def test_a_url_is_shown_without_its_passwords(url, seen):
    from crmkit.config import shown

    assert shown(url) == seen
