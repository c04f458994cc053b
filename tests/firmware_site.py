"""A site's API over real TLS, as far as firmware goes."""

import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hotsite.core.device_values import Resolved
from hotsite.errors import HotsiteError, UnreachableError
from hotsite.flows.firmware_serving import serve


class Files:
    """Implements the reading half of ``ports.firmware.FirmwareFiles`` over a folder."""

    def __init__(self, folder):
        self.folder = folder

    def read(self, name):
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def read_part(self, name, part):
        content = self.read(name)
        if content is None:
            return None
        return content[part.first : part.last + 1], len(content)


class Where:
    """A resolver that a test moves."""

    def __init__(self, **addresses):
        self.addresses = addresses

    async def resolve(self, name):
        address = self.addresses.get(name.partition(".")[0])
        if address is None:
            raise UnreachableError(f"{name} does not resolve")
        return Resolved(address, address)


@contextmanager
def site(folder, authority, address, *, answers_max=None, port=18443):
    """Serve a folder; after some answers each connection is cut."""
    certificate, key = authority.issue("api.hotsite.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if answers_max is not None and len(asked) >= answers_max:
                self.close_connection = True
                return
            asked.append((self.path, self.headers.get("range")))
            try:
                name = self.path.removeprefix("/v1/firmware/")
                served = serve(Files(folder), name, self.headers.get("range"))
            except HotsiteError:
                self.send_error(404)
                return
            self.send_response(served.status)
            for header, value in served.headers.items():
                self.send_header(header, value)
            self.send_header("content-length", str(len(served.content)))
            self.end_headers()
            self.wfile.write(served.content)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer((address, port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
