from pathlib import Path
from typing import Any

import pytest

from slm_lsp import config
from slm_lsp.config import SECTION, Settings, camel, options, parse, schema

README = Path(__file__).parent.parent / "README.md"


def test_the_readme_lists_every_setting_with_its_default() -> None:
    """The table stands between two comments; `config.table()` writes it."""
    _, _, rest = README.read_text(encoding="utf-8").partition("<!-- settings -->")
    table, end, _ = rest.partition("<!-- /settings -->")
    assert end
    assert table.strip() == config.table()


def test_every_default_is_a_value_that_its_setting_takes() -> None:
    for name, option in options().items():
        assert option.check(getattr(Settings(), name)) == getattr(Settings(), name)


def test_settings_are_camel_case_in_the_editor() -> None:
    settings, complaints = parse({"maxTokens": 5, "disabledLanguages": ["Markdown"], "model": "x"})
    assert settings == Settings(max_tokens=5, disabled_languages=("markdown",), model="x")
    assert complaints == []


def test_settings_lie_over_those_before() -> None:
    base = Settings(max_lines=3, threads=2)
    assert parse({"threads": 4}, base) == (Settings(max_lines=3, threads=4), [])


def test_null_leaves_a_setting_as_it_was() -> None:
    assert parse({"threads": None}, Settings(threads=2)) == (Settings(threads=2), [])


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("enabled", "yes", "`enabled` must be true or false; true is used instead."),
        ("enabled", 1, "`enabled` must be true or false; true is used instead."),
        ("maxLines", 0, "`maxLines` must be a whole number from 1 to 100; 8 is used instead."),
        ("maxLines", True, "`maxLines` must be a whole number from 1 to 100; 8 is used instead."),
        ("maxLines", 2.5, "`maxLines` must be a whole number from 1 to 100; 8 is used instead."),
        ("model", "", '`model` must be a text that is not empty; "smollm2-135m" is used instead.'),
        ("model", 5, '`model` must be a text that is not empty; "smollm2-135m" is used instead.'),
        ("device", "tpu", '`device` must be one of auto, cpu, cuda, mps; "auto" is used instead.'),
        ("device", [], '`device` must be one of auto, cpu, cuda, mps; "auto" is used instead.'),
        ("disabledLanguages", "c", "`disabledLanguages` must be a list of language ids; [] is used instead."),
        ("disabledLanguages", [1], "`disabledLanguages` must be a list of language ids; [] is used instead."),
        ("max_lines", 3, "there is no setting `max_lines`; the README lists them all."),
    ],
)
def test_what_cannot_be_taken_is_named_and_the_default_used(key: str, value: Any, complaint: str) -> None:
    base = Settings(**{name: getattr(Settings(), name) for name in options()})
    assert parse({key: value}, base) == (Settings(), [f"slm-lsp: {complaint}"])


def test_a_bad_value_does_not_keep_the_one_before() -> None:
    settings, _ = parse({"maxLines": "many"}, Settings(max_lines=3))
    assert settings.max_lines == Settings().max_lines


def test_names_are_unique_in_the_editor() -> None:
    names = [camel(name) for name in options()]
    assert len(set(names)) == len(names)


def test_editors_are_told_of_every_setting_as_it_is_checked() -> None:
    schemas = schema()
    assert list(schemas) == [f"{SECTION}.{camel(name)}" for name in options()]
    assert schemas["slm-lsp.maxLines"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 8,
        "markdownDescription": options()["max_lines"].doc,
    }
    assert schemas["slm-lsp.device"]["enum"] == ["auto", "cpu", "cuda", "mps"]
    for name, one in zip(options(), schemas.values(), strict=True):
        if one["type"] == "integer":
            bounds = [one["minimum"], one["maximum"]]
            assert [options()[name].check(bound) for bound in bounds] == bounds
            with pytest.raises(ValueError, match=f"from {bounds[0]} to {bounds[1]}"):
                options()[name].check(bounds[1] + 1)
