import pytest

from slm_lsp.secrecy import secret_name


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".env.local", ".envrc", "prod.env", ".npmrc", ".pypirc", ".netrc", ".git-credentials"),
        *("server.pem", "a.key", "id_rsa", "id_ed25519", "store.jks", "vault.kdbx", "AuthKey_1.p8"),
        *("credentials", "credentials.json", "prod-secrets.yaml", "secrets.prod.yml", "service-account.json"),
        *("serviceAccountKey.json", "gcp-key.json", "auth.json", "app-firebase-adminsdk-1a.json"),
        *(".bash_history", ".dev.vars", "rclone.conf", ".vault_pass", "credentials.yml.enc"),
        *("kubeconfig", "dev.kubeconfig", "prod.tfvars", "terraform.tfstate", "terraform.tfstate.backup"),
    ],
)
def test_files_of_secrets_are_known_by_their_names(name: str) -> None:
    assert secret_name(f"folder/{name}")


@pytest.mark.parametrize(
    "path", ["/home/a/.kube/config", "/home/a/.aws/credentials", ".ssh/config", ".docker/config.json"]
)
def test_and_by_their_folders(path: str) -> None:
    assert secret_name(path)


@pytest.mark.parametrize(
    "name",
    [
        "secrets.py",
        "environment.ts",
        "keys.go",
        "password.rs",
        "ids.py",
        "id_map",
        "config.json",
        "key.rs",
        "keys.json",
    ],
)
def test_code_about_secrets_is_code(name: str) -> None:
    assert not secret_name(name)
