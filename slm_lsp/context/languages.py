"""Programming languages: their LSP language ids, the files they are found in, and how they comment a line.

The ids are those of the LSP specification (`TextDocumentItem.languageId`) and, where it has none, those
that Visual Studio Code or its most installed extension for the language uses.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath

PLAINTEXT = "plaintext"
"""The id of a file of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    `extensions` have no dot and are lower case unless their case matters, as in ``.C``; `names` are whole
    file names; `interpreters` are what a shebang calls, without a version. `comment` is what opens and
    what closes a comment on a line of its own, None where there is no such comment.
    """

    id: str
    extensions: tuple[str, ...]
    comment: tuple[str, str] | None
    names: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()


_HASH, _SLASHES, _DASHES, _SEMICOLON, _PERCENT = ("#", ""), ("//", ""), ("--", ""), (";", ""), ("%", "")
_BLOCK, _MARKUP, _OCAML, _BANG, _QUOTE = ("/*", "*/"), ("<!--", "-->"), ("(*", "*)"), ("!", ""), ("'", "")

LANGUAGES = (
    Language("ada", ("adb", "ads"), _DASHES),
    Language("asm", ("asm", "s"), _SEMICOLON),
    Language("astro", ("astro",), _MARKUP),
    Language("bat", ("bat", "cmd"), ("REM", "")),
    Language("bibtex", ("bib",), _PERCENT),
    Language("c", ("c", "i"), _SLASHES),
    Language("clojure", ("clj", "cljs", "cljc", "edn"), _SEMICOLON, interpreters=("bb", "clojure")),
    Language("cmake", ("cmake",), _HASH, names=("CMakeLists.txt",)),
    Language("coffeescript", ("coffee",), _HASH, interpreters=("coffee",)),
    # A lone `.h` is as often C; C++ is what Visual Studio Code takes it for, and its grammar reads both.
    Language(
        "cpp", ("cpp", "cc", "cxx", "c++", "C", "h", "hh", "hpp", "hxx", "h++", "H", "inl", "ipp"), _SLASHES
    ),
    Language("crystal", ("cr",), _HASH, interpreters=("crystal",)),
    Language("csharp", ("cs", "csx"), _SLASHES),
    Language("css", ("css",), _BLOCK),
    Language("cuda-cpp", ("cu", "cuh"), _SLASHES),
    Language("d", ("d",), _SLASHES, interpreters=("rdmd",)),
    Language("dart", ("dart",), _SLASHES, interpreters=("dart",)),
    Language("diff", ("diff", "patch"), None),
    Language("dockerfile", ("dockerfile",), _HASH, names=("Dockerfile", "Containerfile")),
    Language("dotenv", ("env",), _HASH, names=(".env",)),
    Language("elixir", ("ex", "exs"), _HASH, interpreters=("elixir",)),
    Language("elm", ("elm",), _DASHES),
    Language("erb", ("erb",), ("<%#", "%>")),
    Language("erlang", ("erl", "hrl"), _PERCENT, interpreters=("escript",)),
    Language("fish", ("fish",), _HASH, interpreters=("fish",)),
    Language("fortran-modern", ("f90", "f95", "f03", "f08"), _BANG),
    Language("fsharp", ("fs", "fsi", "fsx"), _SLASHES),
    Language("git-commit", (), _HASH, names=("COMMIT_EDITMSG", "MERGE_MSG")),
    Language("git-rebase", (), _HASH, names=("git-rebase-todo",)),
    Language("glsl", ("glsl", "vert", "frag", "geom", "comp"), _SLASHES),
    Language("go", ("go",), _SLASHES),
    Language("go.mod", (), _SLASHES, names=("go.mod", "go.work")),
    Language("graphql", ("graphql", "gql"), _HASH),
    Language(
        "groovy", ("groovy", "gradle", "gvy"), _SLASHES, names=("Jenkinsfile",), interpreters=("groovy",)
    ),
    Language("handlebars", ("hbs", "handlebars"), ("{{!--", "--}}")),
    Language("haskell", ("hs",), _DASHES, interpreters=("runghc", "runhaskell", "stack")),
    Language("hlsl", ("hlsl", "fx"), _SLASHES),
    Language("html", ("html", "htm", "xhtml"), _MARKUP),
    Language("ignore", (), _HASH, names=(".gitignore", ".dockerignore", ".npmignore", ".slmignore")),
    Language("ini", ("ini", "cfg", "conf"), _SEMICOLON, names=(".editorconfig", ".gitconfig")),
    Language("jade", ("pug", "jade"), _SLASHES),
    Language("java", ("java",), _SLASHES),
    Language("javascript", ("js", "mjs", "cjs", "es6"), _SLASHES, interpreters=("node", "nodejs", "bun")),
    Language("javascriptreact", ("jsx",), _SLASHES),
    Language("jinja", ("j2", "jinja", "jinja2"), ("{#", "#}")),
    Language("json", ("json", "geojson", "webmanifest"), None, names=(".prettierrc", "composer.lock")),
    Language("jsonc", ("jsonc", "code-workspace"), _SLASHES, names=("tsconfig.json", "jsconfig.json")),
    Language("julia", ("jl",), _HASH, interpreters=("julia",)),
    Language("kotlin", ("kt", "kts"), _SLASHES, interpreters=("kotlin",)),
    Language("latex", ("tex", "ltx"), _PERCENT),
    Language("less", ("less",), _SLASHES),
    Language("lisp", ("lisp", "lsp", "cl", "el"), _SEMICOLON, interpreters=("sbcl", "clisp")),
    Language("lua", ("lua",), _DASHES, interpreters=("lua", "luajit")),
    Language(
        "makefile",
        ("mk", "mak"),
        _HASH,
        names=("Makefile", "makefile", "GNUmakefile"),
        interpreters=("make",),
    ),
    Language("markdown", ("md", "markdown", "mdown", "mkd"), _MARKUP),
    Language("matlab", ("matlab",), _PERCENT),
    Language("mdx", ("mdx",), None),
    Language("nim", ("nim", "nims"), _HASH),
    Language("nix", ("nix",), _HASH),
    Language("objective-c", ("m",), _SLASHES),
    Language("objective-cpp", ("mm",), _SLASHES),
    Language("ocaml", ("ml", "mli"), _OCAML, interpreters=("ocaml",)),
    Language("pascal", ("pas", "dpr", "lpr"), _SLASHES),
    Language("perl", ("pl", "pm", "t"), _HASH, interpreters=("perl",)),
    Language("perl6", ("raku", "rakumod", "p6"), _HASH, interpreters=("raku", "perl6")),
    Language("php", ("php", "phtml"), _SLASHES, interpreters=("php",)),
    Language("powershell", ("ps1", "psm1", "psd1"), _HASH, interpreters=("pwsh", "powershell")),
    Language("prisma", ("prisma",), _SLASHES),
    Language("proto3", ("proto",), _SLASHES),
    Language(
        "python",
        ("py", "pyi", "pyw"),
        _HASH,
        names=("SConstruct", "SConscript"),
        interpreters=("python", "pypy", "uv"),
    ),
    Language("r", ("r",), _HASH, names=(".Rprofile",), interpreters=("Rscript",)),
    Language("racket", ("rkt",), _SEMICOLON, interpreters=("racket",)),
    Language("razor", ("cshtml", "razor"), ("@*", "*@")),
    Language("restructuredtext", ("rst",), ("..", "")),
    Language(
        "ruby",
        ("rb", "rake", "gemspec", "ru"),
        _HASH,
        names=("Gemfile", "Rakefile", "Vagrantfile", "Brewfile", "Podfile"),
        interpreters=("ruby", "jruby"),
    ),
    Language("rust", ("rs",), _SLASHES, interpreters=("rust-script",)),
    Language("sass", ("sass",), _SLASHES),
    Language("scala", ("scala", "sbt", "sc"), _SLASHES, interpreters=("scala", "amm")),
    Language("scheme", ("scm", "ss"), _SEMICOLON, interpreters=("guile",)),
    Language("scss", ("scss",), _SLASHES),
    Language(
        "shellscript",
        ("sh", "bash", "zsh", "ksh", "bats"),
        _HASH,
        names=(
            ".bashrc",
            ".bash_profile",
            ".profile",
            ".zshrc",
            ".zprofile",
            ".zshenv",
            "PKGBUILD",
            "APKBUILD",
        ),
        interpreters=("sh", "bash", "zsh", "dash", "ash", "ksh", "bats"),
    ),
    Language("solidity", ("sol",), _SLASHES),
    Language("sql", ("sql", "psql"), _DASHES),
    Language("starlark", ("bzl", "star"), _HASH, names=("BUILD", "BUILD.bazel", "WORKSPACE", "MODULE.bazel")),
    Language("svelte", ("svelte",), _MARKUP),
    Language("swift", ("swift",), _SLASHES, interpreters=("swift",)),
    Language("systemverilog", ("sv", "svh"), _SLASHES),
    Language("tcl", ("tcl",), _HASH, interpreters=("tclsh", "wish")),
    Language("terraform", ("tf", "tfvars", "hcl"), _HASH),
    Language("toml", ("toml",), _HASH, names=("Cargo.lock", "Pipfile", "poetry.lock", "uv.lock")),
    Language("typescript", ("ts", "mts", "cts"), _SLASHES, interpreters=("deno", "ts-node", "tsx")),
    Language("typescriptreact", ("tsx",), _SLASHES),
    Language("vb", ("vb", "bas"), _QUOTE),
    Language("verilog", ("v", "vh"), _SLASHES),
    Language("vhdl", ("vhd", "vhdl"), _DASHES),
    Language("viml", ("vim",), ('"', ""), names=(".vimrc",)),
    Language("vue", ("vue",), _MARKUP),
    Language("wgsl", ("wgsl",), _SLASHES),
    Language("xml", ("xml", "xsd", "svg", "plist", "csproj", "props", "targets", "resx"), _MARKUP),
    Language("xsl", ("xsl", "xslt"), _MARKUP),
    Language("yaml", ("yaml", "yml"), _HASH, names=(".clang-format", ".clang-tidy")),
    Language("zig", ("zig", "zon"), _SLASHES),
)
"""Every known language, by id."""

PROSE_AND_DATA = frozenset(
    (
        *("bibtex", "diff", "git-commit", "git-rebase", "latex", "markdown", "mdx", PLAINTEXT),
        *("restructuredtext", "dotenv", "go.mod", "ignore", "ini", "json", "jsonc", "toml", "xml", "yaml"),
    )
)
"""Language ids of what is no code."""

_FAMILIES = (
    ("c", "cpp", "cuda-cpp", "objective-c", "objective-cpp"),
    ("java", "kotlin", "scala", "groovy"),
    ("javascript", "javascriptreact", "typescript", "typescriptreact", "vue", "svelte", "astro"),
    ("html", "css", "scss", "less", "sass"),
)
_FAMILY = {id: family for family in _FAMILIES for id in family}

_BY_ID = {one.id: one for one in LANGUAGES}
_BY_EXTENSION = {extension: one.id for one in LANGUAGES for extension in one.extensions}
_BY_NAME = {name: one.id for one in LANGUAGES for name in one.names}
_BY_INTERPRETER = {interpreter: one.id for one in LANGUAGES for interpreter in one.interpreters}

_SHEBANG = re.compile(
    r"""\#!\s*(?:\S*/)?
        (?:env(?:\s+(?:-\S+|\w+=\S*))*\s+(?:\S*/)?)?   # env, its options and its variables
        ([A-Za-z][\w+-]*?)                             # the interpreter
        [\d.]*(?:\.exe)?(?:\s|$)                       # its version
    """,
    re.VERBOSE,
)


def language_id(path: PurePath | str, first_line: str = "") -> str:
    """Return the LSP language id of a file by its name or, if that says nothing, its first line's shebang."""
    name = PurePath(path).name
    stem, _, extension = name.rpartition(".")
    if found := _BY_NAME.get(name):
        return found
    # A leading dot makes a file hidden, it does not make its name an extension.
    if stem and (found := _BY_EXTENSION.get(extension) or _BY_EXTENSION.get(extension.lower())):
        return found
    # `Dockerfile.dev` is a Dockerfile.
    if found := _BY_NAME.get(name.partition(".")[0]):
        return found
    if shebang := _SHEBANG.match(first_line):
        return _BY_INTERPRETER.get(shebang[1], PLAINTEXT)
    return PLAINTEXT


def comment(language: str) -> tuple[str, str] | None:
    """Return what opens and what closes a comment on a line of its own, or None if the language has none.

    An unknown language has none either.
    """
    known = _BY_ID.get(language)
    return known.comment if known else None


def relatives(language: str) -> tuple[str, ...]:
    """Return the ids of the languages whose code can use a language's code, itself among them."""
    return _FAMILY.get(language, (language,))
