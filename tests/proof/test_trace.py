from pathlib import Path

from slm_lsp.proof.trace import calls

SEEN = """\
10 socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [3, 4]) = 0
10 sendto(4, "\\0", 1, 0, NULL, 0) = 1
11 connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}, 16 <unfinished ...>
10 recvfrom(3, "\\0", 4096, 0, NULL, NULL) = 1
11 <... connect resumed>) = -1 EINPROGRESS (Operation now in progress)
12 connect(5, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT (No such file)
12 socket(AF_INET6, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP) = 6
12 --- SIGCHLD {si_signo=SIGCHLD} ---
10 +++ exited with 0 +++
"""


def test_what_goes_to_a_network_is_told_from_what_stays(tmp_path: Path) -> None:
    (tmp_path / "trace").write_text(SEEN)
    assert calls(tmp_path / "trace") == {
        ("socketpair AF_UNIX", "done", True): 1,
        ("sendto on an open socket", "done", True): 1,
        ("connect AF_INET 192.0.2.1 443", "EINPROGRESS", False): 1,
        ("recvfrom on an open socket", "done", True): 1,
        ("connect AF_UNIX /var/run/nscd/socket", "ENOENT", True): 1,
        ("socket AF_INET6", "done", False): 1,
    }
