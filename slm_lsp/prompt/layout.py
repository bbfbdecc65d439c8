"""Where context stands in a prompt: as the model's family was shown several files, or behind comments."""

from collections.abc import Sequence
from dataclasses import dataclass

from slm_lsp.prompt.context import header, render
from slm_lsp.prompt.formats import Files, PromptFormat
from slm_lsp.text.snippet import Found, Snippet
from slm_lsp.tokens.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands in front of all markers, in ids, and what the prefix begins with, as text."""

    ahead: list[int]
    prefix: str


def arrange(
    format: PromptFormat, vocabulary: Vocabulary, found: Found, snippets: Sequence[Snippet]
) -> Layout:
    """Lay out snippets and the path of the current file, which goes before its own text."""
    comments, current = render(snippets), header(found.path, found.marks) if found.path else ""
    if format.files is Files.AHEAD:
        return Layout(vocabulary.encode(vocabulary.lead + comments) if comments else [], current)
    if format.files is Files.COMMENTS:
        return Layout([], comments + current)
    if not snippets:
        return Layout([], current)
    if format.files is Files.PLUS_SIGNS:
        others = "".join(f"+++++ {one.path}\n{one.text}\n\n" for one in snippets)
        return Layout([], f"{others}+++++ {found.path}\n")
    assert format.file_id is not None
    ids = []
    if format.repository_id is not None:
        end = "\n" if format.files is Files.SEPARATED else ""
        ids += [format.repository_id, *vocabulary.encode(f"{found.repository}{end}")]
    for one in snippets:
        ids += [format.file_id, *vocabulary.encode(f"{one.path}\n{one.text}\n")]
    if format.files is Files.PATH_WITHIN:
        return Layout([*ids, format.file_id], f"{found.path}\n")
    return Layout([*ids, format.file_id, *vocabulary.encode(f"{found.path}\n")], "")
