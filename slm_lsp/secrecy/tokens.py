"""Tokens and private keys in the forms that their issuers give them.

The forms are those of GitHub's secret scanning
(https://docs.github.com/en/code-security/reference/secret-security/supported-secret-scanning-patterns) and of
the rules of gitleaks (https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml, MIT). Only forms
with a mark of their own are here, so that a text is looked through with `str.find`, several times faster than
with one expression, and nothing is taken for a token that is none.
"""

import re
from collections.abc import Iterator

_FORMS: tuple[tuple[tuple[str, ...], str], ...] = (
    # AWS
    (("AKIA", "ASIA", "ABIA", "ACCA"), r"[A-Z0-9]{16}"),
    # GitHub
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\w{36}"),
    (("github_pat_",), r"\w{36}"),
    # GitLab
    (("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "glagent-", "GR1348941"), r"[\w.-]{20}"),
    # Slack
    (("xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxe.", "xapp-"), r"[\w.-]{10}"),
    (("hooks.slack.com/services/",), r"T\w{6,}/B\w{6,}/\w{16}"),
    # Google: API keys, OAuth secrets and access tokens
    (("AIza",), r"[\w-]{35}"),
    (("GOCSPX-",), r"[\w-]{28}"),
    (("ya29.",), r"[\w-]{20}"),
    # Models: OpenAI, Anthropic, Hugging Face, Groq, Perplexity, Replicate
    (("sk-",), r"[\w-]{32}"),
    (("hf_",), r"[A-Za-z0-9]{34}"),
    (("gsk_",), r"[A-Za-z0-9]{40}"),
    (("pplx-",), r"[A-Za-z0-9]{40}"),
    (("r8_",), r"[A-Za-z0-9]{37}"),
    # Payments: Stripe, Square
    (("sk_live_", "sk_test_", "rk_live_", "rk_test_", "sk_prod_", "rk_prod_"), r"[A-Za-z0-9]{10}"),
    (("whsec_",), r"[A-Za-z0-9+/]{24}"),
    (("sq0atp-", "sq0csp-", "sq0idp-"), r"[\w-]{22}"),
    # Packages: npm, PyPI, RubyGems, crates.io, Docker
    (("npm_",), r"[A-Za-z0-9]{36}"),
    (("pypi-AgE",), r"[\w-]{50}"),
    (("rubygems_",), r"[a-f0-9]{48}"),
    (("dckr_pat_", "dckr_oat_"), r"[\w-]{24}"),
    # Hosting: DigitalOcean, Shopify, Heroku, Netlify, Supabase, PlanetScale, Databricks, Terraform, Pulumi
    (("dop_v1_", "doo_v1_", "dor_v1_"), r"[a-f0-9]{64}"),
    (("shpat_", "shpca_", "shppa_", "shpss_"), r"[a-fA-F0-9]{32}"),
    (("HRKU-",), r"[\w-]{36}"),
    (("nfp_",), r"[A-Za-z0-9]{36}"),
    (("sbp_",), r"[a-f0-9]{40}"),
    (("pscale_tkn_", "pscale_pw_", "pscale_oauth_"), r"[\w.-]{32}"),
    (("dapi",), r"[a-f0-9]{32}"),
    (("pul-",), r"[a-f0-9]{40}"),
    (("AccountKey=",), r"[A-Za-z0-9+/]{86}=="),
    # Mail and chat: SendGrid, Brevo, Discord
    (("SG.",), r"[\w-]{22}\.[\w-]{43}"),
    (("xkeysib-",), r"[a-f0-9]{64}"),
    (("discord.com/api/webhooks/", "discordapp.com/api/webhooks/"), r"\d{17,}/[\w-]{60}"),
    # Tools: Linear, Notion, Grafana, New Relic, Sentry, Postman, Figma, Doppler, Atlassian, 1Password
    (("lin_api_",), r"[A-Za-z0-9]{40}"),
    (("ntn_",), r"[A-Za-z0-9]{40}"),
    (("glsa_", "glc_"), r"[\w+/=]{32}"),
    (("NRAK-",), r"[A-Z0-9]{27}"),
    (("sntrys_", "sntryu_"), r"[\w+/=]{40}"),
    (("PMAK-",), r"[a-f0-9]{24}-[a-f0-9]{34}"),
    (("figd_",), r"[\w-]{40}"),
    (("dp.pt.", "dp.st."), r"[\w.-]{40}"),
    (("ATATT3", "ATCTT3"), r"[\w=-]{60}"),
    (("ops_eyJ",), r"[\w+/=-]{60}"),
    # Vaults and keys: HashiCorp Vault, age
    (("hvs.", "hvb.", "hvr."), r"[\w-]{24}"),
    (("AGE-SECRET-KEY-1",), r"[A-Z0-9]{58}"),
    # JSON Web Tokens (RFC 7519): two objects in base64url
    (("eyJ",), r"[\w-]{14,}\.eyJ[\w-]{14,}"),
)
"""Marks that tokens begin with, and what must follow one at the least."""

_REST = r"[\w.~+/=-]*"
"""What a token goes on with: whatever is no longer than one's least form is its end as well."""

_LOOKED_FOR = tuple(
    (mark, re.compile(re.escape(mark) + form + _REST, re.ASCII)) for marks, form in _FORMS for mark in marks
)

_ARMOUR = "PRIVATE KEY"
_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:\\[rn]|[\s\"'+,;>-])*(?:[A-Za-z0-9+/=]{16}|[A-Z][A-Za-z-]+: )"
    r"(?:[\s\S]{0,20000}?-----END [A-Z0-9 ]*-----|[A-Za-z0-9+/=\s\"'\\,:-]*)"
)
"""A private key in PEM (RFC 7468) or OpenPGP armour (RFC 9580); without an end, up to what is no armour.
The header alone, which code that reads keys speaks of, is none."""


def has_token(text: str) -> bool:
    """Whether a text holds a token or a private key."""
    return next(tokens(text), None) is not None


def tokens(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each token and private key begins and ends."""
    if _ARMOUR in text:
        yield from (match.span() for match in _KEY.finditer(text))
    for mark, form in _LOOKED_FOR:
        at = text.find(mark)
        while at >= 0:
            match = None if at and _goes_on(text[at - 1]) else form.match(text, at)
            if match:
                yield match.span()
            at = text.find(mark, match.end() if match else at + 1)


def _goes_on(letter: str) -> bool:
    """Whether what follows a letter is the middle of a word: `disk-`, not `sk-`."""
    return letter.isalnum() or letter == "_"
