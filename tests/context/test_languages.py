from collections import Counter

import pytest

from slm_lsp.context.languages import LANGUAGES, PLAINTEXT, comment, language_id


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/main.py", "python"),
        ("stubs/x.pyi", "python"),
        ("app.ts", "typescript"),
        ("types.d.ts", "typescript"),
        ("App.tsx", "typescriptreact"),
        ("index.mjs", "javascript"),
        ("App.jsx", "javascriptreact"),
        ("main.go", "go"),
        ("lib.rs", "rust"),
        ("Main.java", "java"),
        ("list.c", "c"),
        ("list.h", "cpp"),
        ("matrix.cc", "cpp"),
        ("Program.cs", "csharp"),
        ("user.rb", "ruby"),
        ("index.php", "php"),
        ("run.sh", "shellscript"),
        ("init.lua", "lua"),
        ("Main.kt", "kotlin"),
        ("Main.scala", "scala"),
        ("App.swift", "swift"),
        ("index.html", "html"),
        ("site.css", "css"),
        ("package.json", "json"),
        ("ci.yml", "yaml"),
        ("pyproject.toml", "toml"),
        ("README.md", "markdown"),
        ("query.sql", "sql"),
        ("a/b/Makefile", "makefile"),
        ("CMakeLists.txt", "cmake"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.dev", "dockerfile"),
        ("Gemfile", "ruby"),
        ("home/.bashrc", "shellscript"),
    ],
)
def test_file_names_have_the_language_that_an_editor_would_send(path: str, language: str) -> None:
    assert language_id(path) == language


@pytest.mark.parametrize(
    ("path", "language"), [("SETUP.PY", "python"), ("a.C", "cpp"), ("a.c", "c"), ("a.R", "r")]
)
def test_case_of_an_extension_counts_only_where_it_tells_languages_apart(path: str, language: str) -> None:
    assert language_id(path) == language


@pytest.mark.parametrize("path", ["notes", "LICENSE", "a.unknown", ".py", "py", "", "."])
def test_an_unknown_file_is_plain_text(path: str) -> None:
    assert language_id(path) == PLAINTEXT


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("#!/bin/sh", "shellscript"),
        ("#! /usr/bin/perl -w", "perl"),
        ("#!/usr/bin/env python3\r\n", "python"),
        ("#!/usr/bin/python3.11 -I\n", "python"),
        ("#!/usr/bin/env -S node --test", "javascript"),
        ("#!/usr/bin/env LANG=C ruby", "ruby"),
        ("#!/opt/unheard-of", PLAINTEXT),
        ("#!", PLAINTEXT),
        ("print('#!/bin/sh')", PLAINTEXT),
    ],
)
def test_a_file_without_extension_goes_by_its_shebang(line: str, language: str) -> None:
    assert language_id("bin/run", line) == language


def test_an_extension_outweighs_the_shebang() -> None:
    assert language_id("run.py", "#!/bin/sh") == "python"


def test_no_two_languages_claim_the_same_file() -> None:
    for claims in (
        (one.id for one in LANGUAGES),
        (extension for one in LANGUAGES for extension in one.extensions),
        (name for one in LANGUAGES for name in one.names),
        (interpreter for one in LANGUAGES for interpreter in one.interpreters),
    ):
        assert [claim for claim, count in Counter(claims).items() if count > 1] == []


@pytest.mark.parametrize(
    ("language", "marks"),
    [
        ("python", ("#", "")),
        ("go", ("//", "")),
        ("html", ("<!--", "-->")),
        ("json", None),
        ("unheard-of", None),
    ],
)
def test_comment_marks(language: str, marks: tuple[str, str] | None) -> None:
    assert comment(language) == marks
