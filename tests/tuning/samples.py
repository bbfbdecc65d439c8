"""Source files to learn from, as users have them."""

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "samples"

PYTHON = '''import math


class Circle:
    """A circle in the plane."""

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def area(self) -> float:
        if self.radius < 0:
            raise ValueError("the radius is negative")
        return math.pi * self.radius**2


def largest(circles: list[Circle]) -> Circle:
    best = circles[0]
    for circle in circles[1:]:
        if circle.area() > best.area():
            best = circle
    print("größte:", best.radius, len(circles))
    return best
'''


def tree(root: Path, files: int = 12) -> Path:
    """Write a tree of different Python files."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        names = [f"item_{number}_{index}" for index in range(12)]
        body = "".join(
            f"def {name}(value, other):\n    result = value * {index + number} + other\n"
            f"    return {names[index - 1]}(result, {number}) if result > {index} else other\n\n\n"
            for index, name in enumerate(names)
        )
        (root / f"module_{number}.py").write_text(f'"""Module {number}."""\n\n\n{body}', encoding="utf-8")
    return root
