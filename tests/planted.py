"""Made-up secrets in the forms of real ones, put together here: no scanner finds one in the repository."""

import random
import string

ALPHANUMERIC = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"


def drawn(count: int, letters: str = ALPHANUMERIC, seed: int = 7) -> str:
    """Return letters that look drawn by chance, a digit among the first and a letter among the last."""
    rng = random.Random(f"{count} {letters} {seed}")
    text = "".join(rng.choice(letters) for _ in range(count - 2))
    return "7" + text + ("k" if "k" in letters else letters[-1])


def _key(kind: str, seed: int) -> str:
    body = "\n".join(drawn(64, ALPHANUMERIC + "+/", seed + line) for line in range(6))
    mark = "-" * 5
    return f"{mark}BEGIN {kind}{mark}\n{body}\n{drawn(22, ALPHANUMERIC, seed)}==\n{mark}END {kind}{mark}"


TOKENS = {
    "AWS": "AK" + "IA" + drawn(16, UPPER).replace("7k", "7K"),
    "GitHub": "gh" + "p_" + drawn(36),
    "GitHub, fine-grained": "github" + "_pat_" + drawn(22) + "_" + drawn(59),
    "GitLab": "gl" + "pat-" + drawn(20),
    "Slack": "xo" + "xb-" + drawn(12, string.digits) + "-" + drawn(24),
    "Google": "AI" + "za" + drawn(35),
    "OpenAI": "s" + "k-" + drawn(48),
    "Anthropic": "s" + "k-ant-" + "api03-" + drawn(80),
    "Hugging Face": "h" + "f_" + drawn(34),
    "Stripe": "sk" + "_live_" + drawn(24),
    "npm": "np" + "m_" + drawn(36),
    "PyPI": "py" + "pi-AgE" + drawn(80),
    "SendGrid": "S" + "G." + drawn(22) + "." + drawn(43),
    "DigitalOcean": "do" + "p_v1_" + drawn(64, HEX),
    "Vault": "hv" + "s." + drawn(90),
    "JWT": "ey" + "J" + drawn(30) + ".ey" + "J" + drawn(60) + "." + drawn(43),
    "private key": _key("RSA PRIVATE" + " KEY", 1),
    "private key, plain": _key("PRIVATE" + " KEY", 2),
}
"""By issuer: a file that holds one is left out."""

STRINGS = {
    "password": ('password = "{}"', "swordfish"),
    "password in JSON": ('"dbPassword": "{}",', "p@ss w0rd!"),
    "password in a shell": ("export DB_PASSWORD={}", "hunter2hunter3"),
    "password in YAML": ("  password: {}", "s3cr3t-v4lue"),
    "password in an address": ('db = "postgres://bob:{}@db.example/x"', "barracuda"),
    "password in a connection string": ('db = "Server=db;User Id=sa;Password={};"', "Pa55word!Pa55"),
    "password in a query": ('url = "https://db.example/?user=bob&password={}"', "hunter2hunter3"),
    "password in XML": ("<db.password>{}</db.password>", "barracuda-swordfish"),
    "password under a short name": ('const pass = "{}";', "hunter2hunter3"),
    "password in a configuration": ("db_password = {};", "s3cr3t-v4lue"),
    "password with a dollar": ("password: {}", "Pa$$w0rd1234"),
    "short password in a shell": ("export PGPASSWORD={}", "s3cr3t"),
    "key": ('API_KEY: str = "{}"', drawn(20)),
    "token in a literal": ("const authToken = '{}';", drawn(18, HEX)),
    "header": ('headers = {{"Authorization": "Bearer {}"}}', drawn(24)),
    "long run": ('x = call("{}")', drawn(40)),
    "hexadecimal run": ("digest = {}", drawn(64, HEX)),
}
"""By form: a line of an ordinary file with a place for the secret, and the secret."""
