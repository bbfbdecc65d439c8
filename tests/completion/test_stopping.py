"""Stop rules cut the text where a reader would say that the suggestion is complete."""

from slm_lsp.completion.stopping import (
    BlankLine,
    Dedent,
    LineLimit,
    Looping,
    OneLine,
    RestMet,
    StatementEnd,
    StopRule,
    SuffixMet,
    TimeLimit,
)


def shown(rule: StopRule, text: str) -> str | None:
    """What a rule leaves of a text that arrives character by character; None if it never stops."""
    for length in range(len(text) + 1):
        if (end := rule.cut(text[:length])) is not None:
            return text[:end]
    return None


def test_one_line_ends_before_its_line_ending() -> None:
    assert shown(OneLine(), "posting.amount\nreturn total\n") == "posting.amount"


def test_one_line_goes_on_while_the_line_does() -> None:
    assert shown(OneLine(), "posting.amount") is None


def test_a_block_ends_at_a_line_indented_less() -> None:
    assert shown(Dedent("def f():"), "\n    a()\n    b()\nc()\n") == "\n    a()\n    b()"


def test_a_block_ends_as_soon_as_the_dedent_shows() -> None:
    assert Dedent("def f():").cut("\n    a()\n    b()\nc") == len("\n    a()\n    b()")


def test_a_block_that_begins_at_the_cursor_takes_its_indentation_from_there() -> None:
    assert shown(Dedent("    "), "a()\n    b()\nc()\n") == "a()\n    b()"


def test_a_block_that_begins_in_column_0_takes_the_indentation_that_is_written() -> None:
    assert shown(Dedent(""), "    a()\n    b()\nc()\n") == "    a()\n    b()"


def test_deeper_lines_belong_to_the_block() -> None:
    text = "\n    for x in y:\n        a(x)\n    b()\nc()\n"
    assert shown(Dedent("def f():"), text) == "\n    for x in y:\n        a(x)\n    b()"


def test_a_block_may_fall_back_to_what_follows_it() -> None:
    assert shown(Dedent("", 4), "        a()\n    b()\nc()\n") == "        a()\n    b()"


def test_a_blank_line_ends_the_text() -> None:
    assert shown(BlankLine("def f():"), "\n    a()\n\n    b()\n") == "\n    a()"


def test_a_blank_line_in_front_does_not() -> None:
    assert shown(BlankLine("    "), "\n\n    a()\n\n") == "\n\n    a()"


def test_there_are_at_most_so_many_lines() -> None:
    assert shown(LineLimit(2), "\n    a()\n\n    b()\n    c()\n") == "\n    a()\n\n    b()"


def test_the_text_ends_before_the_line_that_follows_the_cursor() -> None:
    assert shown(SuffixMet(["    return total_amount"]), "a()\n    return total_amount\n") == "a()"


def test_the_cursors_own_line_may_look_like_the_one_that_follows() -> None:
    assert shown(SuffixMet(["x = 1"]), "x = 1\ny = 2\n") is None


def test_a_line_that_only_begins_like_the_next_one_does_not_end_the_text() -> None:
    assert shown(SuffixMet(["    return total"]), "a()\n    return totals\n") is None


def test_a_short_line_is_met_only_together_with_the_next_one() -> None:
    rule = SuffixMet(["        return False", "    return True"])
    assert shown(rule, "if a:\n        return False\n    if b:\n") is None
    text = "if a:\n        return False\n    if b:\n        return False\n\n    return True\n"
    assert shown(rule, text) == "if a:\n        return False\n    if b:"


def test_a_model_that_knows_what_follows_may_write_the_first_line_of_it() -> None:
    rule = SuffixMet(["    return total_amount", "def g():"], fills=True)
    assert shown(rule, "if a:\n    return total_amount\n    b()\n") is None
    assert shown(rule, "if a:\n    return total_amount\n\ndef g():\n") == "if a:"


def test_the_rest_of_the_cursors_line_is_not_written_again() -> None:
    assert shown(RestMet(" len(text)"), "n len(text)\n\ndef g():\n") == "n "
    assert shown(RestMet(") + 1"), "a,\n  b) + 1\nc\n") == "a,\n  b"


def test_the_rest_of_the_line_is_met_at_the_end_of_one_only() -> None:
    assert shown(RestMet(")"), "a(b), c\n") is None
    assert shown(RestMet("  "), "a\nb\n") is None


def test_time_runs_out_only_at_the_end_of_a_line() -> None:
    rule = TimeLimit(0)
    assert rule.cut("total +=") is None
    assert rule.cut("total += 1\n    ret") == len("total += 1")


def test_time_does_not_run_out_early() -> None:
    assert TimeLimit(60_000).cut("a\nb\n") is None


def test_on_a_blank_line_the_first_line_that_is_not_blank_counts() -> None:
    assert shown(OneLine(blank=True), "\n    total = 0\n    a()\n") == "\n    total = 0"


def test_the_statement_that_begins_ends_where_the_next_one_does() -> None:
    assert shown(StatementEnd("    "), "a()\n    b()\n") == "a()"
    text = "if a:\n        b()\n    else:\n        c()\n    return d\n"
    assert shown(StatementEnd("    "), text) == text.removesuffix("\n    return d\n")


def test_a_word_that_may_still_become_else_does_not_end_a_statement() -> None:
    assert StatementEnd("").cut("if a:\n    b()\nel") is None
    assert StatementEnd("").cut("if a:\n    b()\nelm") == len("if a:\n    b()")


def test_brackets_that_close_belong_to_the_statement() -> None:
    text = "f(\n    a,\n)\nb()\n"
    assert shown(StatementEnd(""), text) == "f(\n    a,\n)"


def test_decoding_ends_where_the_text_goes_round_in_circles() -> None:
    text = "text[i+1] == ' ' and text[i+2] == ' ' and text[i+3] == ' ' and text[i+4] == ' ' and"
    end = shown(Looping(), text)
    assert end is not None
    assert len(end) < len(text) / 3
