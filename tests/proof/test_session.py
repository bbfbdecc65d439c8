"""Nothing leaves the machine: by what strace saw, by what was refused, and without any network."""

import shutil
import sys

import pytest

from slm_lsp.config import Settings
from slm_lsp.proof.session import prove


@pytest.mark.model
@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="strace and network namespaces are Linux's")
async def test_the_real_server_opens_no_socket_and_needs_no_network() -> None:
    rows = await prove(Settings().model)
    assert [row for row in rows if not row.good] == []
    tried = {row.part for row in rows if row.times}
    assert {"session", "attempts"} <= tried
    assert all(
        "refused 3 times" in row.happened for row in rows if row.part == "attempts" and row.what.isalpha()
    )
    seen = [row.what for row in rows if "by strace" in row.what]
    assert len(seen) == (2 if shutil.which("strace") else 0)
