"""Files whose names say that they hold secrets."""

import re
from pathlib import PurePath

_NAMES = re.compile(
    r"""(?ix:
    # Environments, and what package managers, databases and services log in with
      \.env.* | .+\.env | \.?(?:netrc|pgpass|htpasswd|npmrc|pypirc|yarnrc\.yml|boto|s3cfg|my\.cnf|dockercfg)
    | _netrc | \.git-credentials | \.Renviron | \.?dev\.vars | rclone\.conf
    | \.vault[-_](?:token|pass(?:word)?) | \.terraformrc | kubeconfig(?:\..+)? | .+\.kubeconfig
    # Keys, certificates with keys, stores of passwords, states that hold them
    | .+\.(?:pem|key|ppk|p8|p12|pkcs12|pfx|jks|keystore|kdbx?|asc|gpg|age|ovpn|mobileprovision)
    | .+\.(?:tfvars|tfstate)(?:\.json|\.backup)? | id_(?:rsa|dsa|ecdsa|ed25519|ecdsa_sk|ed25519_sk)
    | (?:.*[._-])?(?:secrets?|credentials?|passwords?|service[._-]?account(?:[._-]?key)?)
        (?:[._-][\w-]+)?\.(?:ya?ml|json|toml|ini|cfg|conf|xml|properties|txt|csv)(?:\.enc)?
    | (?:.*[._-])?(?:auth|key|tokens?|client_secret_.*|.*firebase-adminsdk.*)\.json
    | credentials
    # What was typed at a prompt
    | \.\w+_history
    )""",
)
_FOLDERS = frozenset((".ssh", ".gnupg", ".aws", ".azure", ".envs", ".kube", ".password-store"))
"""Folders in which everything is taken for a secret."""

_PATHS = (
    (".docker", "config.json"),
    ("gcloud", "application_default_credentials.json"),
    ("gcloud", "access_tokens.db"),
    ("gh", "hosts.yml"),
)
"""Files that are secret in a folder of one name only."""


def secret_name(path: PurePath | str) -> bool:
    """Whether a file is of a kind that holds secrets, by its name and the folders it is in."""
    path = PurePath(path)
    return (
        _NAMES.fullmatch(path.name) is not None
        or not _FOLDERS.isdisjoint(path.parts[:-1])
        or path.parts[-2:] in _PATHS
    )
