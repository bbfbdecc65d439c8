"""The table of known models agrees with itself."""

import pytest

from slm_lsp.models.known import EMBEDDED, KNOWN, KnownModel
from slm_lsp.prompt.formats import FAMILIES

WANTED = """
qwen2.5-coder-0.5b qwen2.5-coder-1.5b qwen2.5-coder-3b qwen2.5-coder-7b starcoder2-3b starcoder2-7b
deepseek-coder-1.3b deepseek-coder-6.7b codegemma-2b codegemma-7b granite-code-3b granite-code-8b
stable-code-3b codellama-7b mellum-4b seed-coder-8b codestral-22b phi-3-mini phi-3-small phi-3-medium
mistral-7b mixtral-8x7b gemma-2b gemma-7b gemma3-270m llama-2-7b smollm2-360m smollm2-1.7b
""".split()  # noqa: SIM905 - easier to read


def test_the_models_that_people_choose_are_known() -> None:
    assert {EMBEDDED, *WANTED} <= KNOWN.keys()


@pytest.mark.parametrize("row", KNOWN.values(), ids=KNOWN)
def test_a_row_says_where_its_model_comes_from(row: KnownModel) -> None:
    assert bool(row.gguf) != bool(row.hub)
    assert row.format in {"chat", "plain", *(family.name for family in FAMILIES)}


@pytest.mark.parametrize("row", [row for row in KNOWN.values() if row.shape], ids=lambda row: row.name)
def test_the_sizes_of_a_row_add_up_to_its_parameters(row: KnownModel) -> None:
    assert row.shape
    sizes = row.shape
    attention = 2 * sizes.hidden * (sizes.heads + sizes.kv_heads) * sizes.head
    products = 2 if row.format == "starcoder2" else 3
    experts = 8 if row.active < row.parameters else 1
    layer = attention + experts * products * sizes.hidden * sizes.inner
    vocabulary = sizes.vocabulary * sizes.hidden * (1 if sizes.tied else 2)
    # Norms and biases are left out.
    assert row.parameters == pytest.approx(sizes.layers * layer + vocabulary, rel=1e-3)


def test_a_licence_that_is_not_permissive_has_terms() -> None:
    assert {row.licence for row in KNOWN.values() if not row.terms} == {"Apache-2.0", "MIT"}
