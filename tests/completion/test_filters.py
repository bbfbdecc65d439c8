from slm_lsp.completion.filters import finish, without_rest


def test_the_rest_of_the_line_is_not_written_twice() -> None:
    assert without_rest("a, b)", ")", whole_line=True) == "a, b"


def test_a_model_that_left_off_before_the_rest_is_taken_at_its_word() -> None:
    assert without_rest(", y)", ")", whole_line=False) == ", y)"


def test_a_line_that_goes_another_way_than_the_rest_is_kept() -> None:
    assert without_rest("a, b", ");", whole_line=True) == "a, b"


def test_space_around_the_rest_does_not_hide_it() -> None:
    assert without_rest("a, b ); ", " );", whole_line=True) == "a, b "


def test_nothing_ends_in_white_space() -> None:
    assert finish("total  \n    \n", "") == "total"
    assert finish("total ", ")") == "total"


def test_white_space_that_sets_the_rest_apart_stays() -> None:
    assert finish("if not ", "found:") == "if not "
    assert finish("first,\n    ", ")") == "first,\n    "
