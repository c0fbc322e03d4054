"""A small web application: answers with a greeting, using nothing but Python itself."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from platform import python_version


class Greeter(BaseHTTPRequestHandler):
    """Answers every GET with a greeting and a few facts about where it runs."""

    def do_GET(self):
        lines = [
            f"{os.environ.get('GREETING', 'Hello')}! This answer comes from Python.",
            f"path: {self.path}",
            f"python: {python_version()}",
            f"user: {os.getuid()}:{os.getgid()}",
        ]
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Stays quiet."""


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8080"))
    with ThreadingHTTPServer(("", port), Greeter) as server:
        print(f"listening on port {port}", flush=True)
        server.serve_forever()
