"""Assertions of the JWT grant, each used once: signed before the load, by libcrypto, because a run needs
thousands of them within the minute that they live."""

import base64
import ctypes
import ctypes.util
import json
import secrets
import subprocess
import time

lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
POINTER = ctypes.c_void_p
for name in ("BIO_new_mem_buf", "PEM_read_bio_PrivateKey", "EVP_MD_CTX_new", "EVP_sha256"):
    getattr(lib, name).restype = POINTER
lib.BIO_new_mem_buf.argtypes = [ctypes.c_char_p, ctypes.c_int]
lib.PEM_read_bio_PrivateKey.argtypes = [POINTER] * 4
lib.EVP_DigestSignInit.argtypes = [POINTER] * 5
lib.EVP_DigestSign.argtypes = [POINTER, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t), ctypes.c_char_p,
                               ctypes.c_size_t]
lib.EVP_MD_CTX_free.argtypes = [POINTER]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Key:
    """A fresh RSA key of 2048 bits."""

    def __init__(self, folder):
        path = folder / "box-key.pem"
        openssl = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path]
        subprocess.run(openssl, check=True, capture_output=True)
        show = ["openssl", "pkey", "-in", path, "-pubout"]
        self.public = subprocess.run(show, check=True, capture_output=True, text=True).stdout
        pem = path.read_bytes()
        self.key = lib.PEM_read_bio_PrivateKey(lib.BIO_new_mem_buf(pem, len(pem)), None, None, None)

    def sign(self, data):
        context = lib.EVP_MD_CTX_new()
        size, signature = ctypes.c_size_t(512), ctypes.create_string_buffer(512)
        good = lib.EVP_DigestSignInit(context, None, lib.EVP_sha256(), None, self.key) == 1 \
            and lib.EVP_DigestSign(context, signature, ctypes.byref(size), data, len(data)) == 1
        lib.EVP_MD_CTX_free(context)
        if not good:
            raise SystemExit("libcrypto does not sign")
        return signature.raw[:size.value]

    def assertion(self, **claims):
        header = encode(json.dumps({"alg": "RS256", "typ": "JWT", "kid": "bench"}).encode())
        claims = {"jti": secrets.token_hex(16), "exp": int(time.time()) + 59, **claims}
        signed = header + b"." + encode(json.dumps(claims).encode())
        return (signed + b"." + encode(self.sign(signed))).decode()
