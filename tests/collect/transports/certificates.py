"""A certificate authority for tests, made with openssl."""

import subprocess
from pathlib import Path


def make_certificates(folder: Path) -> None:
    """`ca.pem`, and `server` and `client` (`.pem`, `.key`) signed by it; valid for a day."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "1",
            "-subj", "/CN=test CA")  # fmt: skip
    for name in ("server", "client"):
        names = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", *names)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-out", f"{name}.pem", "-days", "1", "-copy_extensions", "copy")  # fmt: skip
