"""The access point as a user sees it: the pool's own tools, FS authentication, no tokens."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from tests.testbed import install, process, users
from tests.testbed.chroot import LOGIN_VENV
from tests.testbed.install import Checkout
from tests.testbed.sandbox import PATH, Sandbox
from tests.testbed.users import Account

DEPENDENCIES = Path("/opt/hepsub-dependencies")


class LoginNode:
    """Runs commands inside the pool as one user, with the same home but another ~/.condor."""

    def __init__(
        self, sandbox: Sandbox, checkout: Checkout, places: Path, account: Account
    ) -> None:
        self.sandbox = sandbox
        self.checkout = checkout
        self.places = places
        self.account = account
        self.dot_condor = places / account.name
        users.make_directory(account, self.dot_condor, 0o700)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
        input: str | None = None,  # noqa: A002  (subprocess's own name)
        check: bool = False,
    ) -> CompletedProcess[str]:
        """Run a program on the access point as the user to its end."""
        return process.run(
            self.command(argv, cwd=cwd, env=env), timeout=timeout, input=input, check=check
        )

    def command(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Return the words by which the host runs a program on the access point as the user."""
        self.ensure_program()
        return self.sandbox.command(
            argv,
            user=self.account.identity(),
            cwd=cwd or self.account.work,
            env={"PATH": f"{LOGIN_VENV}/bin:{PATH}", **(env or {})},
            hide={self.account.home / ".condor": self.dot_condor},
        )

    def forget_tokens(self) -> None:
        """Empty the user's ~/.condor of the access point."""
        shutil.rmtree(self.dot_condor)
        users.make_directory(self.account, self.dot_condor, 0o700)

    @property
    def has_program(self) -> bool:
        """Tell whether the checkout has been installed on the access point in this session."""
        return self.sandbox.path(DEPENDENCIES).exists()

    def ensure_program(self) -> None:
        """Install the checkout on the access point, if that has not been done in this session."""
        if not self.has_program:
            self.install_program()

    def install_program(self) -> None:
        """Install the checkout as it is now, and its dependencies, on the access point."""
        self._mount_dependencies()
        if not self.checkout.has_package:
            return
        built = install.wheel(self.checkout, self.places.parent / "wheel")
        shutil.copy(built, self.sandbox.path("/opt") / built.name)
        pip = (LOGIN_VENV / "bin/python", "-m", "pip", "-q")
        self.sandbox.run([*pip, "install", *install.ONLY_THIS, f"/opt/{built.name}"])

    def _mount_dependencies(self) -> None:
        script = "import sys; print(*sys.version_info[:2], sep='.')"
        version = self.sandbox.run(["python3", "-c", script]).stdout.strip()
        built = install.dependencies(self.checkout, version)
        self.sandbox.mount(built, DEPENDENCIES)
        # pip has compiled them for its own Python, and no user may write here: each command would do it again.
        if not list(built.glob(f"click/__pycache__/*{version.replace('.', '')}.pyc")):
            self.sandbox.run(["python3", "-m", "compileall", "-qq", DEPENDENCIES])
        packages = LOGIN_VENV / f"lib/python{version}/site-packages"
        self.sandbox.write(packages / "dependencies.pth", f"{DEPENDENCIES}\n")
