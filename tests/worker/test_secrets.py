"""URLs, forms and cookies are secrets: nowhere to be seen while the job runs, nowhere afterwards."""

import subprocess
import threading
import time

from tests.worker.chirp import Chirp
from tests.worker.credentials import token
from tests.worker.job import Job, command_lines
from tests.worker.store import SIGNATURE, Store
from tests.worker.test_outputs import form


def sample(process: "subprocess.Popen[str]") -> list[str]:
    """What ps shows to others until the process ends."""
    seen: list[str] = []

    def watch() -> None:
        while process.poll() is None:
            seen.append(command_lines())
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    process.wait(30)
    thread.join()
    return seen


def test_no_secret_is_in_a_command_line_or_an_environment(
    web_job: Job, store: Store, chirp: Chirp
) -> None:
    web_job.add("input", "in", "4", "-", store.put("/b/in", b"data"))
    web_job.payload("cp in one; cp in x.root")
    web_job.add("source", "/nowhere/at all")
    web_job.write("iam.token", token(60))
    web_job.add("credential", "iam", "token", "iam.token", "/nowhere/iam")
    chirp.files["/nowhere/iam"] = token(3600)
    web_job.write(".chirp.config", chirp.config)
    web_job.add("output", "one", "-", store.url("/b/one"))
    web_job.add("glob", "*.root", "-", f"{store.host}/b", form("${filename}"))
    web_job.add("marker", store.url("/b/.done"))
    store.fault("GET", "/b/in", "slow")
    store.fault("PUT", "/b/one", "slow")
    process = web_job.start()
    seen = sample(process)
    assert web_job.end(process).code == 0
    assert len(seen) > 3
    assert any(("curl" in text or "python3" in text) and "wrapper.sh" in text for text in seen)
    assert not any(SIGNATURE in text for text in seen)


def test_no_secret_is_told_when_everything_fails(web_job: Job, store: Store) -> None:
    """Job.end looks into stdout, stderr and everything that comes home."""
    web_job.payload("printf one >one; printf two >x.root")
    user = f"http://me:{SIGNATURE}@127.0.0.1:9"
    web_job.env["HEPSUB_PATIENCE_S"] = "0"
    web_job.add("output", "one", "-", f"{user}/b/one?X-Amz-Signature={SIGNATURE}")
    web_job.add("glob", "*.root", "-", f"{user}/b", form("${filename}"))
    web_job.add("marker", f"{user}/b/.done?{SIGNATURE}")
    assert web_job.run().code == 85


def test_a_curlrc_of_the_user_does_not_interfere(job: Job, store: Store) -> None:
    (job.directory / ".curlrc").write_text("verbose\ntrace-ascii = spy\n")
    job.env["HOME"] = str(job.directory)
    job.env["CURL_HOME"] = str(job.directory)
    job.add("input", "in", "1", "-", store.put("/b/in", b"x"))
    job.payload("exit 0")
    assert job.run().code == 0
    assert not (job.directory / "spy").exists()
