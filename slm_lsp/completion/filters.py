"""What is done to the model's text before it is shown."""


def without_rest(text: str, rest: str, whole_line: bool) -> str:
    """Remove the rest of the cursor's line from the end of a one-line `text`.

    A model that wrote on past the end of the line (`whole_line`) wrote the rest as well: it stands there
    already. One that ended by itself left off before the rest and meant what it wrote.
    """
    wanted = rest.strip()
    if not wanted or not whole_line:
        return text
    line = text.rstrip()
    return line[: -len(wanted)] if line.endswith(wanted) else text


def finish(text: str, rest: str) -> str:
    """Remove trailing white space: nobody wants it suggested, but for what sets the rest of the line apart.

    Before a closing bracket, a comma or more white space it sets nothing apart; an indentation always does.
    """
    bare = text.rstrip()
    if not rest.strip():
        return bare
    needless = rest[0].isspace() or rest[0] in ")]},;"
    return bare if needless and "\n" not in text[len(bare) :] else text
